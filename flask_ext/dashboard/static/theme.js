// Light or dark: as the system says, until somebody chooses. The server reads the cookie, so that no
// page flashes in the wrong colours.

export function followTheme() {
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    document.cookie = `bullrush_theme=${chosen}; path=/; max-age=31536000; samesite=lax`;
  });
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
