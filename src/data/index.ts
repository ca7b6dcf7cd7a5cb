export { type AffineMap, type AffineRange, affine, randomAffine, rotation } from "./affine.ts";
export { cutout, randomCrop, randomFlip } from "./augment.ts";
export { cifar10Classes, readCifar10 } from "./cifar.ts";
export {
  type CategoricalColumn,
  type Column,
  type CsvOptions,
  columnOf,
  type NumericColumn,
  readCsv,
  type Table,
  tableDataset,
} from "./csv.ts";
export { classCounts, countOf, type Dataset, type NamedBytes, take, takeRows } from "./dataset.ts";
export * from "./generators/index.ts";
export { gunzip, isGzip } from "./gzip.ts";
export { readIdx, readIdxImages } from "./idx.ts";
export { readImageFolder, stackPictures, toFloat } from "./images.ts";
export { readNpy, readNpz, writeNpy, writeNpz } from "./npy.ts";
export { type Omniglot, readOmniglot, readOmniglot28 } from "./omniglot.ts";
export { decodePng, type Picture } from "./png.ts";
export {
  type DataFile,
  type DatasetEntry,
  type DatasetName,
  datasetEntry,
  datasetNames,
  type LabelledTable,
  type Opened,
  type TrainTest,
} from "./registry.ts";
export { folds, permuteFeatures, shuffle, shuffleLabels, split } from "./split.ts";
export { type ColumnStatistics, columnStatistics, standardise, unstandardise } from "./standardise.ts";
export {
  byteVocabulary,
  decodeText,
  randomWindows,
  splitTokens,
  unknownWord,
  type Vocabulary,
  type WordVocabulary,
  windows,
  wordVocabulary,
} from "./text.ts";
