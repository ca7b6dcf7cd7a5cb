import { readCifar10 } from "./cifar.ts";
import { readCsv, type Table } from "./csv.ts";
import type { Dataset, NamedBytes } from "./dataset.ts";
import { gunzip } from "./gzip.ts";
import { readIdxImages } from "./idx.ts";
import { type Omniglot, readOmniglot, readOmniglot28 } from "./omniglot.ts";
import { type UciTable, uciTables } from "./registry-uci.ts";
import { readTar } from "./tar.ts";
import { decodeText } from "./text.ts";
import { memberBytes, zipMembers } from "./zip.ts";

/** A file of a data set, as it is downloaded and kept. */
export interface DataFile {
  /** Relative to the folder of data sets, with "/". */
  readonly path: string;
  readonly bytes: number;
  /** Of the file as it is kept, in lower-case hex. */
  readonly sha256: string;
  /** Where it can be downloaded, the first that answers; none where it must be put there by hand. */
  readonly urls: readonly string[];
  /** Other packings of the same content that are accepted too. */
  readonly also?: readonly { readonly bytes: number; readonly sha256: string }[];
}

/** A data set that is known by name. */
export interface DatasetEntry<T> {
  /** One line: what it holds. */
  readonly title: string;
  readonly licence: string;
  readonly citation: string;
  readonly page: string;
  readonly files: readonly DataFile[];
  /** The content of the files, in the order of `files`. Throws in one line that names the file. */
  load(files: readonly NamedBytes[]): T;
}

export interface TrainTest {
  readonly train: Dataset;
  readonly test: Dataset;
}

/**
 * A table and which of its columns is to be predicted: `tableDataset(table, { target, ignore })` makes a data set of
 * it.
 */
export interface LabelledTable {
  readonly table: Table;
  readonly target: string;
  readonly ignore: readonly string[];
}

const digits = Array.from({ length: 10 }, (_, i) => String(i));
const clothes = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",");
const omniglotUrl = "https://github.com/brendenlake/omniglot/raw/master/python/";
const omniglotAbout = {
  licence: "MIT",
  citation:
    "Lake, Salakhutdinov, Tenenbaum: Human-level concept learning through probabilistic program induction, Science 350, 2015",
  page: "https://github.com/brendenlake/omniglot",
};
const cifarAbout = {
  licence: "none stated",
  citation: "Krizhevsky: Learning multiple layers of features from tiny images, 2009",
  page: "https://www.cs.toronto.edu/~kriz/cifar.html",
};
const gutenbergAbout = {
  licence: "public domain",
  citation: "13 works of Project Gutenberg, chosen in the Natural Language Toolkit (Bird, Klein, Loper 2009)",
  page: "https://www.gutenberg.org/",
};

const omniglotSmall = [1, 2].map((i) =>
  file(
    `omniglot/images_background_small${i}.zip`,
    [1319022, 1580917][i - 1]!,
    [
      "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
      "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
    ][i - 1]!,
    [omniglotUrl],
  ),
);
const omniglotEvaluation: DataFile = {
  ...file(
    "omniglot/images_evaluation.zip",
    6462886,
    "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    [omniglotUrl],
  ),
  also: [{ bytes: 5732517, sha256: "cbc898af80df5152131ad63e69ee39e8f03cf7a8c173e201738dc17dbf402c6f" }],
};

/** The data sets that are known by name; the tables of `uciTables` are known as "uci/<name>" besides. */
export const datasets = {
  mnist: entry({
    title: "handwritten digits: 60,000 + 10,000 grey images 28 x 28, 10 classes",
    licence: "CC BY-SA 3.0, as commonly given",
    citation:
      "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998",
    page: "http://yann.lecun.com/exdb/mnist/",
    files: idxFiles(
      "mnist",
      [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
      ],
      [
        [9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"],
        [28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"],
        [1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"],
        [4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"],
      ],
    ),
    load: (files) => idxTrainTest(files, digits),
  }),

  "fashion-mnist": entry({
    title: "pictures of clothes: 60,000 + 10,000 grey images 28 x 28, 10 classes",
    licence: "MIT",
    citation: "Xiao, Rasul, Vollgraf: Fashion-MNIST, 2017 (arXiv 1708.07747)",
    page: "https://github.com/zalandoresearch/fashion-mnist",
    files: idxFiles(
      "fashion-mnist",
      ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
      [
        [26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"],
        [29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"],
        [4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"],
        [5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"],
      ],
    ),
    load: (files) => idxTrainTest(files, clothes),
  }),

  cifar10: entry({
    ...cifarAbout,
    title: "photographs: 50,000 + 10,000 colour images 32 x 32, 10 classes",
    files: [
      file(
        "cifar10/cifar-10-binary.tar.gz",
        170052171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ["https://www.cs.toronto.edu/~kriz/"],
      ),
    ],
    load: ([archive]): TrainTest => {
      const { name, bytes } = archive!;
      const members = readTar(gunzip(bytes, name), name).map((m) => ({ ...m, name: `${name}: ${m.name}` }));
      const train = members
        .filter((m) => /data_batch_\d\.bin$/.test(m.name))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      return {
        train: readCifar10(train),
        test: readCifar10(members.filter((m) => m.name.endsWith("test_batch.bin"))),
      };
    },
  }),

  "cifar10-subset": entry({
    ...cifarAbout,
    title: "part of CIFAR-10: 10,000 + 2,000 images, classes of equal size",
    files: [
      file(
        "cifar10/data_batch.bin",
        30730000,
        "1b93e12699c1ad4e4fcf13e3414c8e54ed31f3f27a5bf05fee9c5293d9839abd",
      ),
      file(
        "cifar10/test_batch.bin",
        6146000,
        "8c5bcb3af77e39167a0c1daa287e02fda7b98f04f5dd1539035a08ae3b5a565b",
      ),
    ],
    load: ([train, test]): TrainTest => ({ train: readCifar10([train!]), test: readCifar10([test!]) }),
  }),

  omniglot: entry({
    ...omniglotAbout,
    title: "handwritten characters: 964 + 659 classes of 20 images 105 x 105",
    files: [
      file(
        "omniglot/images_background.zip",
        9464212,
        "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
        [omniglotUrl],
      ),
      omniglotEvaluation,
    ],
    load: ([background, evaluation]): { background: Omniglot; evaluation: Omniglot } => ({
      background: readOmniglot([background!]),
      evaluation: readOmniglot([evaluation!]),
    }),
  }),

  "omniglot-small": entry({
    ...omniglotAbout,
    title: "part of Omniglot: the two small background sets, 8 alphabets",
    files: omniglotSmall,
    load: (files) => readOmniglot(files),
  }),

  "omniglot-evaluation": entry({
    ...omniglotAbout,
    title: "part of Omniglot: the 659 evaluation classes",
    files: [omniglotEvaluation],
    load: (files) => readOmniglot(files),
  }),

  omniglot28: entry({
    ...omniglotAbout,
    title: "Omniglot at 28 x 28",
    files: [
      file(
        "omniglot/omniglot28.npz",
        1060391,
        "ea07861c3dc876a1d5bfe15c6eda889b169659f3f1cd6d6010f9b32070654bb4",
      ),
      file(
        "omniglot/omniglot28.json",
        45814,
        "f93862e59812da5c9672ccfc55e45f8d0d4e00dbfa4effc6545cd425d3fe4e10",
      ),
    ],
    load: ([npz, names]) => readOmniglot28(npz!, names!),
  }),

  "tiny-shakespeare": entry({
    title: "plays of Shakespeare: 1,115,394 characters, 65 distinct",
    licence: "public domain",
    citation: "Karpathy: char-rnn, 2015",
    page: "https://github.com/karpathy/char-rnn",
    files: [
      {
        ...file(
          "text/tinyshakespeare.txt",
          1115394,
          "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
        urls: ["https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"],
      },
    ],
    load: oneText,
  }),

  gutenberg: entry({
    ...gutenbergAbout,
    title: "English literature: 13 works, 4.8 MB of text",
    files: [
      file(
        "text/gutenberg-selections.txt",
        4810792,
        "ddc7440aea161da4085f826423dd36432c30944af08b2d33d203e7300e6e683d",
      ),
    ],
    load: oneText,
  }),

  "gutenberg-words": entry({
    ...gutenbergAbout,
    title: "the same 13 works, only a-z and single blanks: 859,938 words",
    files: [
      file(
        "text/gutenberg-selections.clean.txt",
        4574248,
        "dde63851fecd46e6935e4baf7c922274b5c11d708e53a7402aae7dea4032dc0f",
      ),
    ],
    load: oneText,
  }),

  text8: entry({
    title: "English Wikipedia, only a-z and single blanks: 17,005,207 words",
    licence: "CC BY-SA (Wikipedia)",
    citation: "Mahoney: About the test data, 2006",
    page: "http://mattmahoney.net/dc/textdata.html",
    files: [
      file("text/text8.zip", 31344016, "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232", [
        "http://mattmahoney.net/dc/",
      ]),
    ],
    load: ([archive]): string => {
      const { name, bytes } = archive!;
      const member = zipMembers(bytes, name)[0]!;
      return decodeText(
        memberBytes(member, name, () => member.size),
        name,
      );
    },
  }),
} satisfies Record<string, DatasetEntry<unknown>>;

export type DatasetName = keyof typeof datasets | `uci/${string}`;

/** What opening a data set of this name gives. */
export type Opened<N extends DatasetName> = N extends keyof typeof datasets
  ? ReturnType<(typeof datasets)[N]["load"]>
  : LabelledTable;

export const datasetNames: readonly DatasetName[] = [
  ...(Object.keys(datasets) as (keyof typeof datasets)[]),
  ...uciTables.map((t) => `uci/${t.name}` as const),
];

/** The data set of this name. Throws a RangeError where there is none. */
export function datasetEntry<N extends DatasetName>(name: N): DatasetEntry<Opened<N>> {
  const table = uciTables.find((t) => `uci/${t.name}` === name);
  const found = Object.hasOwn(datasets, name)
    ? datasets[name as keyof typeof datasets]
    : table && uciEntry(table);
  if (found !== undefined) return found as unknown as DatasetEntry<Opened<N>>;
  throw new RangeError(`there is no data set "${name}": paperweight data list shows what there is`);
}

const cautions: Record<string, string> = {
  "boston-housing": "; column b encodes race: only for numerical checks",
};

function uciEntry(table: UciTable): DatasetEntry<LabelledTable> {
  const { target, ignore, categorical } = table;
  return {
    title: `table: ${table.rows} rows, ${table.features} features, target ${target}${cautions[table.name] ?? ""}`,
    licence: "CC BY 4.0 for most tables of UCI, see the page",
    citation: "Dua, Graff: UCI machine learning repository, 2017",
    page: table.page,
    files: [table],
    load: ([csv]) => {
      const types = Object.fromEntries(categorical.map((name) => [name, "categorical" as const]));
      return { table: readCsv(csv!.bytes, { what: csv!.name, types }), target, ignore };
    },
  };
}

/** Only fixes the type. */
function entry<T>(e: DatasetEntry<T>): DatasetEntry<T> {
  return e;
}

/** A file that lies, under the last part of its path, at each of the addresses. */
function file(path: string, bytes: number, sha256: string, folders: readonly string[] = []): DataFile {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { path, bytes, sha256, urls: folders.map((folder) => folder + name) };
}

function idxFiles(
  folder: string,
  urls: readonly string[],
  sizes: readonly (readonly [bytes: number, sha256: string])[],
): DataFile[] {
  const names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];
  return sizes.map(([bytes, sha256], i) => file(`${folder}/${names[i]}-ubyte.gz`, bytes, sha256, urls));
}

function idxTrainTest(files: readonly NamedBytes[], classes: readonly string[]): TrainTest {
  const part = (images: NamedBytes, labels: NamedBytes): Dataset => ({
    ...readIdxImages(images.bytes, labels.bytes, {
      classes: classes.length,
      what: [images.name, labels.name],
    }),
    classes,
  });
  return { train: part(files[0]!, files[1]!), test: part(files[2]!, files[3]!) };
}

function oneText([text]: readonly NamedBytes[]): string {
  return decodeText(text!.bytes, text!.name);
}
