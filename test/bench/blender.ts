// Sixty tiny frames through everything, broker, agent, Blender and home, against one `blender -a`.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { SubmitInput } from "../../broker/contract/job.ts";
import type { Bench, BenchBroker } from "./bench.ts";
import { median, show, type Row } from "./figures.ts";

const scene = `
import bpy, sys
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
scene.frame_start, scene.frame_end = 1, 60
cube = bpy.data.objects["Cube"]
cube.keyframe_insert("rotation_euler", frame=1)
cube.rotation_euler[2] = 3
cube.keyframe_insert("rotation_euler", frame=60)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
`;

/** The row about Blender, or none where there is no Blender on PATH. */
export async function benchBlender(bench: Bench): Promise<Row[]> {
  const folder = bench.folder();
  const file = join(folder, "tiny.blend");
  try {
    blender("-b", "--factory-startup", "--python-expr", scene, "--", file);
  } catch (error) {
    console.error(`No bench with Blender: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
  const frames = bench.quick ? 3 : 60;
  const broker = await bench.broker({ agents: true });
  // Brings the agent up, which then idles; the time of starting it is the bench "start"'s.
  const series = /^Blender (\d+\.\d+)/.exec(blender("--version"))?.[1] ?? "";
  await rendered(broker, folder, "warm", file, 1, series);
  const plain: number[] = [];
  const tally: number[] = [];
  for (let round = 0; round < (bench.quick ? 1 : 5); round++) {
    const output = join(folder, `plain-${round}`, "####");
    const at = performance.now();
    blender("-b", file, "-o", output, "-s", "1", "-e", String(frames), "-a");
    plain.push(performance.now() - at);
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    tally.push(await rendered(broker, folder, `tally-${round}`, file, frames, series));
  }
  const ratio = median(tally.map((ms, index) => ms / (plain[index] ?? 1)));
  return [
    {
      what: `${frames} tiny Blender frames, submit → last at home`,
      peer: "Flamenco 16 ×, 315 × by default",
      tally: `${show(median(tally))} ms, ${ratio.toFixed(2)} × blender -a (${show(median(plain))} ms)`,
      target: "≤ 1.25 ×",
      met: ratio <= 1.25,
      figures: [
        { name: "blender.tally", unit: "ms", value: median(tally) },
        { name: "blender.plain", unit: "ms", value: median(plain) },
        { name: "blender.ratio", unit: "× blender -a", value: ratio },
      ],
    },
  ];
}

/** Milliseconds from submit until the last frame lies at home. */
async function rendered(
  broker: BenchBroker,
  folder: string,
  name: string,
  file: string,
  frames: number,
  series: string,
): Promise<number> {
  const home = join(folder, name);
  mkdirSync(home);
  const output = join(home, "####");
  const body: SubmitInput = {
    templateName: "blender-render",
    parameters: { Scene: file, OriginalPath: file, Frames: `1-${frames}`, Output: output },
    settings: { outputFolders: [home], outputPattern: `${output}.png`, blenderSeries: series },
  };
  const at = performance.now();
  const job = await broker.submit(body);
  await broker.delivered(job.number, frames);
  const ms = performance.now() - at;
  const files = existsSync(home) ? readdirSync(home).filter((one) => one.endsWith(".png")) : [];
  if (files.length !== frames) throw new Error(`${files.length} of ${frames} frames lie in ${home}`);
  return ms;
}

function blender(...args: string[]): string {
  return execFileSync("blender", args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}
