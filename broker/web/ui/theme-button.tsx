// Chooses light, dark, or as the system has it.
import { useState } from "preact/hooks";
import { chosenTheme, setTheme, type Theme } from "../theme.ts";
import { Icon, type IconName } from "./icon.tsx";

const next: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const icons: Readonly<Record<Theme, IconName>> = { system: "half", light: "sun", dark: "moon" };
const words: Readonly<Record<Theme, string>> = { system: "as the system", light: "light", dark: "dark" };

/** Goes round the three. */
export function ThemeButton() {
  const [theme, set] = useState(chosenTheme());
  return (
    <button
      type="button"
      class="button is-quiet is-icon"
      aria-label={`Colors: ${words[theme]}. Change to ${words[next[theme]]}`}
      title={`Colors: ${words[theme]}`}
      onClick={() => {
        setTheme(next[theme]);
        set(next[theme]);
      }}
    >
      <Icon name={icons[theme]} />
    </button>
  );
}
