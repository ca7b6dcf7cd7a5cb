/** What reads files and the network: for Node only. */
export { cacheFolder, openDataset } from "./cache.node.ts";
export { type DownloadOptions, download } from "./download.node.ts";
export { type GetOptions, type GotFile, getDataset } from "./get.node.ts";
export { openImageFolder } from "./image-folder.node.ts";
