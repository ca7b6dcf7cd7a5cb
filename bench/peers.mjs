/** The peers from the package registry: nothing but this command installs them. */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("./peers/", import.meta.url));

/** Install what peers/package-lock.json pins, unless that was done. Throws why it failed. */
export function installPeers(/** @type {(line: string) => void} */ say) {
  if (changed("node_modules/.package-lock.json") > changed("package-lock.json")) return;
  say("installing the peers that bench/peers/package-lock.json names");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, stderr, error } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`npm ci failed: ${error?.message ?? stderr.trim().split("\n")[0]}`);
  }
}

/** When a file was last written, 0 where there is none. */
function changed(/** @type {string} */ file) {
  return statSync(folder + file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
