// Brings the Python checks (ruff, mypy, pytest) into .venv, a private environment inside the clone.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture, onWindows, root, run, which } from "./shell.mjs";

const requirements = join(root, "scripts", "requirements.txt");
const environment = join(root, ".venv");
const stamp = join(environment, "tally-requirements.txt");

/** The Python of .venv. */
export const venvPython = join(environment, ...(onWindows ? ["Scripts", "python.exe"] : ["bin", "python"]));

/** The first of these programs that is a Python in the range, for instance `findPython(["3.11"])`; undefined without one. */
export function findPython(accepted) {
  const names = [...accepted.map((version) => `python${version}`), "python3", "python"];
  for (const name of names) {
    const program = which(name);
    if (program === undefined) continue;
    const version = capture(program, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])?.trim();
    if (version !== undefined && accepted.includes(version)) return program;
  }
  return undefined;
}

/** The step that makes .venv, or undefined when it is there as requirements.txt wants it. */
export function pythonStep() {
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(venvPython) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return undefined;
  return {
    name: "Python checks",
    what: "ruff, mypy and pytest into .venv (about 100 MB)",
    run: () => {
      const python = findPython(["3.11", "3.12", "3.13", "3.14", "3.10"]);
      if (python === undefined)
        return "No Python 3.10 or newer was found: install one, then type the same command again.";
      rmSync(environment, { recursive: true, force: true });
      if (!run(python, ["-m", "venv", environment])) {
        return "Python could not make an environment: install its venv module (Debian: apt-get install python3-venv).";
      }
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
      if (!run(venvPython, pip)) return "pip could not install ruff, mypy and pytest: read its words above.";
      writeFileSync(stamp, wanted);
      return undefined;
    },
  };
}
