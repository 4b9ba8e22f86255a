// Brings the Python checks (ruff, mypy, pytest) into .venv, a private environment inside the clone.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptInstall, aptPrefix } from "./apt.mjs";
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

/**
 * What is missing before this Python can make environments: Debian keeps that part in a package of its own.
 * `packages` can be installed by apt here; `problem` is a sentence when nothing can be done without a person.
 */
export function environmentNeeds(python) {
  if (python !== undefined && capture(python, ["-c", "import ensurepip, venv"]) !== undefined)
    return { packages: [] };
  const version =
    python && capture(python, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])?.trim();
  const packages = version === undefined ? ["python3", "python3-venv"] : [`python${version}-venv`];
  if (aptPrefix() !== undefined) return { packages };
  return {
    packages: [],
    problem:
      which("apt-get") === undefined
        ? "A Python from 3.10 on with its venv module was not found: install Python, then type the same command again."
        : `Python's venv module is missing: type \`sudo apt-get install ${packages.join(" ")}\`, then the same command again.`,
  };
}

/** The step that makes .venv, or undefined when it is there as requirements.txt wants it. */
export function pythonStep() {
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(venvPython) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return undefined;
  const accepted = ["3.11", "3.12", "3.13", "3.14", "3.10"];
  const { packages, problem } = environmentNeeds(findPython(accepted));
  const first = packages.length === 0 ? "" : `, and by apt ${packages.join(" ")}`;
  return {
    name: "Python checks",
    what: `ruff, mypy and pytest into .venv (about 100 MB)${first}`,
    run: () => {
      if (problem !== undefined) return problem;
      if (packages.length > 0 && !aptInstall(aptPrefix(), packages))
        return `apt could not install ${packages.join(" ")}.`;
      rmSync(environment, { recursive: true, force: true });
      if (!run(findPython(accepted), ["-m", "venv", environment])) {
        return "Python could not make an environment in .venv: read its words above.";
      }
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
      if (!run(venvPython, pip)) return "pip could not install ruff, mypy and pytest: read its words above.";
      writeFileSync(stamp, wanted);
      return undefined;
    },
  };
}
