"""How the stand-in's page looks, on phones and desktops, by day and by night."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--back:#f5f5f5;--side:#ebebeb;--card:#fff;--text:#242424;--soft:#616161;--line:#d1d1d1;
--main:#5b5fc7;--on:#fff;--mine:#e8ebfa;--bad:#b10e1c}
@media(prefers-color-scheme:dark){:root{--back:#1f1f1f;--side:#141414;--card:#292929;--text:#fff;--soft:#c2c2c2;
--line:#4f4f4f;--main:#7f85f5;--on:#141414;--mine:#2b2b40;--bad:#f1707b}}
*{box-sizing:border-box}html,body{height:100%}
body{margin:0;display:grid;grid-template-columns:17rem 1fr;font:15px/1.45 system-ui,sans-serif;background:var(--back);
color:var(--text)}
nav{background:var(--side);padding:1rem;overflow:auto;border-right:1px solid var(--line)}
h1{font-size:1.15rem;margin:0 0 1rem}h1 small,h4 small{color:var(--soft);font-weight:400}
nav ul{list-style:none;margin:1rem 0 0;padding:0}nav a{display:block;padding:.6rem;border-radius:.4rem;color:inherit;
text-decoration:none;overflow-wrap:anywhere}nav a:hover,nav a[aria-current]{background:var(--card)}
nav i{font-style:normal;display:inline-block;min-width:1.4em}
main{display:flex;flex-direction:column;min-width:0;height:100vh;height:100dvh}
header{display:flex;gap:.5rem 1rem;flex-wrap:wrap;align-items:center;justify-content:space-between;
padding:.7rem 1.2rem;border-bottom:1px solid var(--line);background:var(--card)}
header h2{font-size:1.05rem;margin:0}header div{display:flex;gap:.5rem;flex-wrap:wrap}
.note:not(:empty){margin:.8rem 1.2rem 0;padding:.6rem .8rem;border-left:4px solid var(--main);background:var(--card);
white-space:pre-line}
.talk{flex:1;overflow:auto;padding:1rem 1.2rem}.empty{color:var(--soft)}
article{max-width:38rem;margin:0 0 1.1rem}article.mine{margin-left:auto;width:fit-content}
h4{margin:0 0 .25rem;font-size:.85rem}.text{margin:0;background:var(--card);border-radius:.5rem;padding:.5rem .8rem;
white-space:pre-line;overflow-wrap:anywhere}.mine .text{background:var(--mine)}
.thread{margin:.6rem 0 0 1rem;padding-left:.8rem;border-left:2px solid var(--line)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.9rem 1rem;
overflow-wrap:anywhere}
.card h3{margin:0 0 .5rem;font-size:1.15rem}.card p{margin:.5rem 0}.card p.tight{margin:.1rem 0}
.card small{color:var(--soft)}.card img{max-width:100%}.card label:not(.choice),fieldset{display:block;margin:.7rem 0}
fieldset{border:0;padding:0;min-width:0}legend,label>span{padding:0}label:not(.choice)>span,legend{font-weight:600}
.choice{display:flex;gap:.5rem;align-items:flex-start;padding:.3rem 0}.star{color:var(--bad)}
input[type=text],input[name=text],textarea,select{width:100%;font:inherit;color:inherit;background:var(--back);
border:1px solid var(--line);border-bottom-color:var(--soft);border-radius:.3rem;padding:.5rem;margin-top:.2rem}
.choice input{margin:.25rem 0 0;accent-color:var(--main)}
button,.button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.3rem;
padding:.45rem .9rem;min-height:2.4rem;cursor:pointer;text-decoration:none}
button.positive{background:var(--main);border-color:var(--main);color:var(--on);font-weight:600}
button.destructive{color:var(--bad);border-color:var(--bad)}
button:focus-visible,a:focus-visible,input:focus-visible,textarea:focus-visible,select:focus-visible{
outline:2px solid var(--main);outline-offset:2px}
.official>.ac-adaptiveCard{border:1px solid var(--line);border-radius:.5rem}
.official .ac-pushButton{margin:0;text-align:center}.official .ac-pushButton div{overflow:visible!important}
.official .ac-pushButton.style-positive{background:var(--main);border-color:var(--main);color:var(--on)}
.official .ac-pushButton.style-destructive{color:var(--bad)}
.actions{display:flex;gap:.5rem;flex-wrap:wrap;margin-top:.9rem}.actions:empty{display:none}
.small{display:inline}article .small button{margin-top:.4rem;min-height:2rem;padding:.2rem .7rem}
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
setInterval(async()=>{if(touched)return;const got=await(await fetch('/stand-in/version')).json();
if(String(got.version)!==document.body.dataset.version)location.reload()},1500);
"""
