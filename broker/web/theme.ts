// Light or dark: as the system has it, until somebody chooses; the choice is kept in this browser.

export type Theme = "system" | "light" | "dark";
const key = "tally-theme";

/** What was chosen here before. */
export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    // A browser that keeps nothing: as the system has it.
    return "system";
  }
}

/** Shows a theme, and keeps it. */
export function setTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  try {
    if (theme === "system") localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // Then it holds until the page is closed.
  }
  for (const listener of listeners) listener();
}

const listeners = new Set<() => void>();

/** Calls when the colors changed, whoever changed them. */
export function onThemeChange(listener: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: light)");
  listeners.add(listener);
  system.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener("change", listener);
  };
}
