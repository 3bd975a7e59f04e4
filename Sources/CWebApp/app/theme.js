// A classic script in the head, so that the theme is set before anything is drawn.
(() => {
  const key = "nsarm.theme";
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const isDark = () => (read() ?? (preferred.matches ? "dark" : "light")) === "dark";

  function apply() {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    document.getElementById("theme")?.setAttribute("aria-pressed", String(isDark()));
  }

  apply();
  preferred.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      // A choice that equals the system's is not stored, so that the page follows the system again.
      try {
        if ((next === "dark") === preferred.matches) localStorage.removeItem(key);
        else localStorage.setItem(key, next);
      } catch { /* private windows may refuse; the page then follows the system */ }
      apply();
    });
  });
})();
