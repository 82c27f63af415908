// Runs before the first paint, so that a dark page does not flash white. A file of its own: the page allows no inline script.
(function () {
  let kept = null;
  try {
    kept = localStorage.getItem("hodei.theme");
  } catch {
    // storage is forbidden here: follow the system
  }
  const dark = kept === "dark" || (kept !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
