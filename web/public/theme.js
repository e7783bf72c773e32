// Before the first paint, so that a dark page does not flash white. A file of its own: the content security policy
// allows no inline script.
(function () {
  var chosen = null;
  try {
    chosen = window.localStorage.getItem("postseal.theme");
  } catch (e) {
    chosen = null;
  }
  var dark = chosen === "dark" || (chosen !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
