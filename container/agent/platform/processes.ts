// Finds processes on Linux and macOS: by parent, by process group and by the marker in their environment.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
}

/** All processes that can be seen, without zombies. */
export function listProcesses(): ProcessEntry[] {
  return process.platform === "linux" ? listLinux() : listByPs();
}

/** The processes that carry `NAME=value` in the environment they were started with. */
export function listMarked(name: string, value: string): number[] {
  const text = `${name}=${value}`;
  return process.platform === "linux" ? markedLinux(text) : markedByPs(text);
}

/** `roots`, their process groups, and everything that descends from either. */
export function treeOf(roots: readonly number[], all: readonly ProcessEntry[]): number[] {
  const found = new Set(
    all.filter((it) => roots.includes(it.pid) || roots.includes(it.group)).map((it) => it.pid),
  );
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of all) {
      if (found.has(pid) || !(found.has(parent) || roots.includes(parent))) continue;
      found.add(pid);
      grown = true;
    }
  }
  found.delete(process.pid);
  return [...found];
}

function pidsLinux(): number[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

function listLinux(): ProcessEntry[] {
  return pidsLinux().flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The name in brackets may hold blanks and brackets itself: read on from the last one.
      const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return state === "Z" || state === "X" ? [] : [{ pid, parent: Number(parent), group: Number(group) }];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

function markedLinux(text: string): number[] {
  const wanted = Buffer.from(`${text}\0`);
  return pidsLinux().filter((pid) => {
    if (pid === process.pid) return false;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`);
      const at = environment.indexOf(wanted);
      return at === 0 || (at > 0 && environment.includes(Buffer.concat([Buffer.from([0]), wanted])));
    } catch {
      return false; // It ended meanwhile, or belongs to somebody else.
    }
  });
}

// macOS (never run there): the kernel shows environments of one's own processes to `ps -E`.
function listByPs(): ProcessEntry[] {
  const lines = ps(["-axo", "pid=,ppid=,pgid=,state="]);
  return lines.flatMap((line) => {
    const [pid, parent, group, state] = line.trim().split(/\s+/);
    if (pid === undefined || state === undefined || state.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group) }];
  });
}

function markedByPs(text: string): number[] {
  return ps(["-axEwwo", "pid=,command="]).flatMap((line) => {
    const pid = Number(/^\s*(\d+)/.exec(line)?.[1]);
    return ` ${line} `.includes(` ${text} `) && pid !== process.pid ? [pid] : [];
  });
}

function ps(args: string[]): string[] {
  const { stdout } = spawnSync("ps", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return (stdout ?? "").split("\n").filter((line) => line !== "");
}
