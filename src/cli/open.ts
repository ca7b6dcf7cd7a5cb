import { spawn } from "node:child_process";

/** Open a file in the desktop's browser. Where that cannot be done, `complain` is told and nothing else happens. */
export function openInBrowser(path: string, complain: (problem: string) => void): void {
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open", path]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", "", path]
        : ["xdg-open", path];
  const child = spawn(command!, args, { detached: true, stdio: "ignore" });
  child.on("error", () => complain(`--open: ${command} is not there; open ${path} yourself`));
  child.unref();
}
