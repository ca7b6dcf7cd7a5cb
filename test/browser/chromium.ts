import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const places = [
  process.env.PAPERWEIGHT_CHROMIUM,
  ...["chromium", "google-chrome", "chromium-browser"].map((name) => `/usr/bin/${name}`),
];

/** The browser of this machine, undefined where there is none. */
export const browserPath = places.find((path) => path !== undefined && existsSync(path));

export const NO_BROWSER = "no Chromium found: set PAPERWEIGHT_CHROMIUM to its path";

const flags = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

/** A headless browser with a fresh profile, and with WebGPU on a software adapter. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath!, args: flags });
}
