import { NDArray } from "../../tensor/ndarray.ts";
import { Draws } from "./draws.ts";

const [entities, relations, fillers] = [30, 8, 40] as const;
const content = entities * relations;
const entityContext = content;
const relationContext = entityContext + 2 * entities;
const firstFiller = relationContext + 2 * relations;

/**
 * Words of the analogy corpus: 240 content words first, then context words of the entities, of the relations, and
 * fillers.
 */
export const analogyVocabulary = firstFiller + fillers;

/** The content word of an entity (0 to 29) in a relation (0 to 7). */
export function contentWord(entity: number, relation: number): number {
  return entity * relations + relation;
}

/**
 * Sentences in which a content word stands with words that only its entity or its relation brings along, so that
 * embeddings can learn "e1 in r1 is to e1 in r2 as e2 in r1 is to e2 in r2". int64 [sentences, 5]: a content word,
 * uniform, then four words, each a filler with probability 1/2, else one of the two of the entity or of the relation.
 * Sentence i depends on the key and those before.
 */
export function analogyCorpus(key: NDArray, sentences = 20_000): NDArray {
  const draws = new Draws(key);
  const words = new BigInt64Array(sentences * 5);
  for (let i = 0; i < words.length; i += 5) {
    const [e, r] = [draws.integer(entities), draws.integer(relations)];
    words[i] = BigInt(contentWord(e, r));
    for (let j = 1; j < 5; j++) words[i + j] = BigInt(contextWord(draws, e, r));
  }
  return new NDArray(words, [sentences, 5]);
}

/**
 * Random analogies (e1, r1), (e1, r2), (e2, r1), (e2, r2) of two entities and two relations, as content words: int64
 * [count, 4].
 */
export function analogyQuestions(key: NDArray, count = 400): NDArray {
  const draws = new Draws(key);
  const words = new BigInt64Array(count * 4);
  for (let i = 0; i < count; i++) {
    const [e1, e2] = pair(draws, entities);
    const [r1, r2] = pair(draws, relations);
    const question = [contentWord(e1, r1), contentWord(e1, r2), contentWord(e2, r1), contentWord(e2, r2)];
    words.set(question.map(BigInt), 4 * i);
  }
  return new NDArray(words, [count, 4]);
}

function contextWord(draws: Draws, entity: number, relation: number): number {
  const u = draws.uniform();
  if (u < 0.5) return firstFiller + draws.integer(fillers);
  return u < 0.75
    ? entityContext + 2 * entity + draws.integer(2)
    : relationContext + 2 * relation + draws.integer(2);
}

/** Two different numbers below n. */
function pair(draws: Draws, n: number): [number, number] {
  const first = draws.integer(n);
  const second = draws.integer(n - 1);
  return [first, second < first ? second : second + 1];
}
