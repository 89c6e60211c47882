"""How the stand-in's chat page looks, on phones and desktops, by day and by night."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--back:#f7f7fa;--side:#eef0f6;--card:#fff;--text:#131619;--soft:#5a5f6b;--line:#cfd3de;
--main:#0b5cff;--on:#fff;--mine:#dfe9ff;--bad:#b3141f}
@media(prefers-color-scheme:dark){:root{--back:#16171b;--side:#101114;--card:#222429;--text:#f4f5f7;--soft:#b7bcc7;
--line:#454954;--main:#6c9cff;--on:#0c0d10;--mine:#1d2d52;--bad:#ff8a8f}}
*{box-sizing:border-box}html,body{height:100%}
body{margin:0;display:grid;grid-template-columns:16rem 1fr;font:15px/1.45 system-ui,sans-serif;background:var(--back);
color:var(--text)}
nav{background:var(--side);padding:1rem;overflow:auto;border-right:1px solid var(--line)}
h1{font-size:1.15rem;margin:0 0 1rem}h1 small,h4 small{color:var(--soft);font-weight:400}
nav ul{list-style:none;margin:1rem 0 0;padding:0}nav a{display:block;padding:.6rem;border-radius:.5rem;color:inherit;
text-decoration:none;overflow-wrap:anywhere}nav a:hover,nav a[aria-current]{background:var(--card)}
nav i{font-style:normal;display:inline-block;min-width:1.4em}
main{display:flex;flex-direction:column;min-width:0;height:100vh;height:100dvh}
header{padding:.8rem 1.2rem;border-bottom:1px solid var(--line);background:var(--card)}
header h2{font-size:1.05rem;margin:0}
.note:not(:empty){margin:.8rem 1.2rem 0;padding:.6rem .8rem;border-left:4px solid var(--main);background:var(--card)}
.talk{flex:1;overflow:auto;padding:1rem 1.2rem}.empty{color:var(--soft)}
article{max-width:38rem;margin:0 0 1.1rem}article.mine{margin-left:auto;width:fit-content}
h4{margin:0 0 .25rem;font-size:.85rem}.said{margin:0;background:var(--mine);border-radius:.6rem;padding:.5rem .8rem;
white-space:pre-line;overflow-wrap:anywhere}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1rem;
overflow-wrap:anywhere}
.card>:first-child{margin-top:0}.card>:last-child{margin-bottom:0}
.card h3{margin:0 0 .4rem;font-size:1.1rem}.card p{margin:.5rem 0;white-space:pre-line}.card a{color:var(--main)}
.card .sub{color:var(--soft)}.card .small{color:var(--soft);font-style:italic;font-size:.9rem}
.card img{max-width:100%}.card form{margin:.7rem 0}.card label>span:first-child{font-weight:600;display:block}
.line{display:flex;gap:.4rem;align-items:stretch}
input[name=text],textarea,select{width:100%;font:inherit;color:inherit;background:var(--back);
border:1px solid var(--line);border-radius:.4rem;padding:.5rem;margin-top:.2rem}
textarea{resize:vertical}.line button{margin-top:.2rem;min-width:2.6rem}
button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.5rem;
padding:.45rem .9rem;min-height:2.4rem;cursor:pointer}
button.primary{background:var(--main);border-color:var(--main);color:var(--on);font-weight:600}
button.danger{color:var(--bad);border-color:var(--bad)}
button:focus-visible,a:focus-visible,input:focus-visible,textarea:focus-visible,select:focus-visible{
outline:2px solid var(--main);outline-offset:2px}
.actions{display:flex;gap:.5rem;flex-wrap:wrap}
.compose{display:flex;gap:.5rem;padding:.8rem 1.2rem;border-top:1px solid var(--line);background:var(--card)}
.compose input[name=text]{margin:0}
@media(max-width:44rem){body{grid-template-columns:1fr;grid-template-rows:auto 1fr;height:100dvh}
nav{padding:.6rem 1rem;border-right:0;border-bottom:1px solid var(--line)}h1{display:none}
nav label{display:flex;gap:.6rem;align-items:center}nav label span{white-space:nowrap}
nav ul{display:flex;gap:.3rem;margin:.5rem 0 0;overflow:auto}nav a{white-space:nowrap;padding:.4rem .6rem}
main{height:auto;min-height:0}}
"""

SCRIPT = """
const talk=document.querySelector('.talk');talk.scrollTop=talk.scrollHeight;let touched=false;
document.addEventListener('input',()=>{touched=true});
setInterval(async()=>{if(touched)return;const got=await(await fetch('/stand-in/chat/version')).json();
if(String(got.version)!==document.body.dataset.version)location.reload()},1500);
"""
