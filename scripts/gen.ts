// Writes every generated file of the repository, or with --check says which ones are out of date.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, sourceFiles } from "./files.ts";

/** What a `*.gen.ts` file exports: the text of each file it is the source of, by path relative to the repository. */
interface Generator {
  generate: () => Record<string, string> | Promise<Record<string, string>>;
}

async function main(): Promise<number> {
  const onlyCheck = process.argv.includes("--check");
  const stale: string[] = [];
  let count = 0;
  for (const source of sourceFiles([".gen.ts"])) {
    const generator = (await import(pathToFileURL(join(root, source)).href)) as Generator;
    for (const [path, text] of Object.entries(await generator.generate())) {
      count += 1;
      const file = join(root, path);
      if (textOf(file) === text) continue;
      stale.push(path);
      if (onlyCheck) continue;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }
  if (onlyCheck && stale.length > 0) {
    console.error(`Out of date: ${stale.join(", ")}. Type \`npm run gen\` and commit what it writes.`);
    return 1;
  }
  console.log(`${count} generated files, ${onlyCheck ? "all up to date" : `${stale.length} written`}.`);
  return 0;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

process.exitCode = await main();
