// Bundles the status page: one script and one style sheet whose names change with their content, and the page around them.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

/**
 * Bundles `broker/web` of the clone `from` into the folder `to`: `index.html`, `page-<hash>.js`, `page-<hash>.css`.
 * Returns false where that clone has no page. Throws where esbuild refuses a source.
 */
export async function buildPage(from: string, to: string, { minify = true } = {}): Promise<boolean> {
  const entry = join(from, "broker/web/main.tsx");
  if (!existsSync(entry)) return false;
  const { metafile } = await build({
    entryPoints: { page: entry, style: join(from, "broker/web/style/page.css") },
    outdir: to,
    entryNames: "page-[hash]",
    chunkNames: "part-[hash]",
    bundle: true,
    // What only one view needs (the form reads YAML) is fetched with that view.
    splitting: true,
    format: "esm",
    platform: "browser",
    target: ["chrome123", "firefox128", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    minify,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const entries = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint !== undefined);
  const names = entries.map(([path]) => basename(path));
  const script = names.find((name) => name.endsWith(".js"));
  const style = names.find((name) => name.endsWith(".css"));
  if (script === undefined || style === undefined) throw new Error("The page was bundled into nothing.");
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "index.html"), frame(script, style));
  return true;
}

/** The page before its script runs. Addresses are absolute: it is answered at every address of the page. */
function frame(script: string, style: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>Tally</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page/${style}">
<script type="module" src="/page/${script}"></script>
</head>
<body>
<div id="page"></div>
<noscript><p>Tally's page needs JavaScript. The command line needs none: <code>tally ls</code></p></noscript>
</body>
</html>
`;
}
