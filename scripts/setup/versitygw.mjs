// Brings the S3 server that the tests start, built from its Go module.
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { capture, isProgram, onWindows, run, which } from "./shell.mjs";

const module = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";
/** The tests find it on PATH, in GOBIN or in GOPATH's bin. */
const program = onWindows ? "versitygw.exe" : "versitygw";

/** The folder into which `go install` puts programs. */
export function goFolder(env = process.env) {
  if (env.GOBIN) return env.GOBIN;
  return join(env.GOPATH?.split(delimiter)[0] || join(homedir(), "go"), "bin");
}

/** The step that brings the S3 server, or undefined when it is there. */
export function versitygwStep() {
  const folder = goFolder();
  if (which("versitygw") !== undefined || isProgram(join(folder, program))) return undefined;
  const go = findGo();
  return {
    name: "S3 server",
    what:
      go === undefined
        ? "nothing by itself here, because Go is missing; the tests that start the S3 server versitygw will not run"
        : `the S3 server versitygw for tests, built by Go into ${folder} (84 MB, about a minute)`,
    run: () => {
      if (go === undefined)
        return "The S3 server needs Go 1.25 or newer: install it from https://go.dev/dl, then type the same command again.";
      return run(go, ["install", module])
        ? undefined
        : `The S3 server could not be built: type \`go install ${module}\`.`;
    },
  };
}

/** Go on PATH or where its own installer puts it. */
function findGo() {
  const usual = ["/usr/local/go/bin/go", "/usr/lib/go/bin/go"].find((path) => isProgram(path));
  const go = which("go") ?? usual;
  return go !== undefined && capture(go, ["version"]) !== undefined ? go : undefined;
}
