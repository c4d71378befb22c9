// Starts the measurement in a network namespace of its own, which ends with it, whatever happens.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const INSIDE = "--inside";

if (process.argv.includes(INSIDE)) {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const { module } = await runnerImport(main, { configFile: false, logLevel: "error" });
  process.exit(await module.main());
}
if (process.getuid?.() !== 0) {
  process.stderr.write("make quality makes network namespaces, which only root may: run it as root.\n");
  process.exit(2);
}
const command = ["--net", process.execPath, fileURLToPath(import.meta.url), INSIDE];
const ended = spawnSync("unshare", command, { stdio: "inherit" });
if (ended.error) process.stderr.write(`unshare: ${ended.error.message}\n`);
process.exit(ended.status ?? 2);
