// The search in a portal's page tells that page how high it is, and when it has ended.
(function () {
  "use strict";
  const { origin, ended } = document.body.dataset;
  const tell = () => parent.postMessage(
    { height: document.documentElement.scrollHeight, ended: ended !== undefined, query: location.search }, origin);
  new ResizeObserver(tell).observe(document.body);
})();
