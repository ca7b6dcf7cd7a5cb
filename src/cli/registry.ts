import type { Experiment } from "../experiment/define.ts";
import { UsageError } from "../experiment/errors.ts";
import { nearest } from "../experiment/nearest.ts";
import type { PaperEntry } from "../papers/index.ts";

/** The paper of this slug, or an error that names the nearest. */
export function paperOf(papers: readonly PaperEntry[], slug: string): PaperEntry {
  const found = papers.find((p) => p.slug === slug);
  if (found !== undefined) return found;
  const near = nearest(
    slug,
    papers.map((p) => p.slug),
  );
  const hint = near === undefined ? "paperweight list shows what there is" : `did you mean ${near}?`;
  throw new UsageError(`there is no paper "${slug}": ${hint}`);
}

export function loadExperiment(papers: readonly PaperEntry[], slug: string): Promise<Experiment> {
  return paperOf(papers, slug).load();
}
