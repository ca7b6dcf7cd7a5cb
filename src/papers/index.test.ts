import { describe, expect, it } from "vitest";
import { papers } from "./index.ts";

describe.each(papers.map((p) => [p.slug, p] as const))("the registry's entry of %s", (_, entry) => {
  it("says what its experiment says", async () => {
    const { slug, title, year, family } = (await entry.load()).paper;
    expect({ slug, title, year, family }).toEqual({
      slug: entry.slug,
      title: entry.title,
      year: entry.year,
      family: entry.family,
    });
  });
});

describe("the registry", () => {
  it("names every paper once", () => expect(new Set(papers.map((p) => p.slug)).size).toBe(papers.length));
});
