/* The stand-in's own small library: the same messages as @zoom/appssdk, for where that cannot be had. */

window.zoomSdk = (() => {
  const waiting = new Map();
  const handlers = new Map();
  let last = 0;

  addEventListener("message", ({ data: message, source }) => {
    if (source !== window.parent || !message) return;
    if (message.type === "apiResponse") {
      const { jsCallId, result, errorCode, errorMessage } = message.data;
      const call = waiting.get(jsCallId);
      waiting.delete(jsCallId);
      if (errorCode) call?.reject(Object.assign(new Error(errorMessage), { code: errorCode }));
      else call?.resolve(result);
    } else if (message.type === "event") {
      for (const handler of handlers.get(message.name) || []) handler(message.data);
    }
  });

  function call(apiName, data) {
    return new Promise((resolve, reject) => {
      if (window.parent === window) return reject(new Error("not inside Zoom"));
      const jsCallId = `own-${++last}`;
      waiting.set(jsCallId, { resolve, reject });
      window.parent.postMessage(JSON.stringify({ jsCallId, apiName, data }), "*");
    });
  }

  return new Proxy({}, {
    get(_, name) {
      if (name === "config") return ({ capabilities, version }) => call("config", { js_api_lists: capabilities, version });
      if (name.startsWith("on")) return (handler) => handlers.set(name, [...(handlers.get(name) || []), handler]);
      return (data) => call(name, data);
    },
  });
})();
