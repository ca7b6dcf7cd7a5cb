import type { DataFile } from "./registry.ts";

/** What is known of one of the classical tables. */
export interface UciTable extends DataFile {
  readonly name: string;
  readonly rows: number;
  readonly features: number;
  readonly target: string;
  /** Columns of numbers that are names of categories. */
  readonly categorical: readonly string[];
  /** Columns that are neither features nor the target. */
  readonly ignore: readonly string[];
  readonly page: string;
}

/** file, rows, features, target, categorical, ignore, page, bytes, sha256 */
const lines = `
iris.csv 150 4 class - - uci:53/iris 4606 e1412f8c8c69c78fea91c42d8732f7edeb182234e9a67261b29617cc6097cc7b
wine.csv 178 13 class class - uci:109/wine 10941 c3328d044f0173ea90482930596ea4d6f32afdfeb3fffb3a2a9fdf65ce423f94
breast-cancer-wisconsin.csv 699 9 class class - uci:15/breast+cancer+wisconsin+original 14643 54f85d3dca9e19a3ddac198e044534ed8b15047eb0505252c16df1e198a0f9fa
breast-cancer-ljubljana.csv 286 9 class - - uci:14/breast+cancer 18743 ce455aecf8800cdd9fc93741b482e47e8c3a3c1fa3ebb13cf983e6313ba28130
ionosphere.csv 351 34 class - - uci:52/ionosphere 76609 c3c36b692d178f83a1dc212112fa2c703a8b236a60b7146bf969e43b19efd3e1
sonar.csv 208 60 class - - uci:151/connectionist+bench+sonar+mines+vs+rocks 88202 44708832eef6ecbbffb2f00c8a799fcc8e88d3a0bd49bda8542e11c3e6d2152e
glass.csv 214 9 type type - uci:42/glass+identification 11186 e5aa754d0e620ef9e8f4a4871e79634d6520bceed0289810eac8d59e83097d80
ecoli.csv 336 7 site - - uci:39/ecoli 12847 ebc29cdaff2940f2a5a9b11ba89679d674845251046895a51c5d1c36c6743e8a
seeds.csv 210 7 variety variety - uci:236/seeds 9388 0872be7277a69fcabd9f3170dc390618c0779c3ae85133cd9b6faae709994d5e
pima-diabetes.csv 768 8 outcome outcome - openml:37 23362 9aecaea5dc218f27defcd7601add9b71c277553735bc0a8bcc37c4b4810346d9
german-credit.csv 1000 20 class class - uci:144/statlog+german+credit+data 80046 3922b73353a62c8d6ae487a69cf7cff3376b992d3420feec3a87bd51df1f23c4
haberman.csv 306 3 survival survival - uci:43/haberman+s+survival 3146 61d8804294bdce34391ffbbf23db40ec71b3e81aa5198a6892da89081e0641b5
banknote.csv 1372 4 class class - uci:267/banknote+authentication 45071 a4e6eb57f00dc0c5696badf6553001e8871644b5b98ab1b2869054af1d255125
new-thyroid.csv 215 5 class class - uci:102/thyroid+disease 4911 482157d3b6c2b1f5ef0ca8923bce9ad2fb8c1bfba5de26f0866113c6bbee872f
horse-colic.csv 300 21 surgical_lesion surgery,age,temp_extremities,peripheral_pulse,mucous_membranes,capillary_refill,pain,peristalsis,abdominal_distension,nasogastric_tube,rectal_exam,abdomen,abdominocentesis_appearance,surgical_lesion hospital_number,outcome,lesion_1,lesion_2,lesion_3,cp_data uci:47/horse+colic 25539 083aae0a11cd6b54531127237b7b1eaf59ee9a4f59aabd764e8ff0c85aa81115
breast-cancer-wdbc.csv 569 30 diagnosis - - uci:17/breast+cancer+wisconsin+diagnostic 123865 bbe6bc506fec05b65edfb905b871a229bdc97341f512e7548a9ecc6081644251
vehicle.csv 846 18 class - - uci:149/statlog+vehicle+silhouettes 55454 c0ae142c409e3ffcea053e6f9bca5bd1f73e6fd7641c7d6422841cd44e08108c
vowel.csv 990 10 class - train_or_test,speaker_number,sex uci:152/connectionist+bench+vowel+recognition+deterding+data 83719 9e60c9a67d00c5aaba8123fb34ae0d708309028cc33deab04a11bd6bb6471536
balance-scale.csv 625 4 class - - uci:12/balance+scale 6310 890a1daea942695a0bfeaa445963d936cb8feaeca337da9a833a95f65668f246
car.csv 1728 6 class - - uci:19/car+evaluation 51916 0023b86e0dd3502aaa0e4a610ef4d8aebbba7ff40f53fa7c2f0543c68bee5114
chess-kr-vs-kp.csv 3196 36 class - - uci:22/chess+king+rook+vs+king+pawn 246172 a3e5eee1290e27fef745dcb1b98c42e300476271b1a352a06961d211588543a5
segment.csv.gz 2310 19 class - - uci:50/image+segmentation 91914 d5c41ce685459d4649b012a5991e593750d8d07aca67a1577f703b79e22012e3
tic-tac-toe.csv 958 9 class - - uci:101/tic+tac+toe+endgame 26043 a841e01e56931dfbd431639de432b53b3bd6cde3a70d3fa1e22ff2535ab36f8f
zoo.csv 101 16 type - animal uci:111/zoo 10171 1f49b0dd1e82111f8b95d82315d57ca87ee3b73eb04f32dd7160410ca3d5725e
dermatology.csv 366 34 class class - uci:33/dermatology 26689 1cca2aedbfda2f3ffc1832278c810c1561f6ff9ac145ed18f5233c91f6f390e0
credit-approval.csv 690 15 class - - uci:27/credit+approval 32275 878fb07e7396a33e0343c50638e271055fceed796b751eb018dd16df550b8b57
heart-statlog.csv 270 13 class - - uci:145/statlog+heart 11442 5ce116f5c0484ff6cc4c6107a1f5dfb11f7636b0de59423e7887c24c62455447
vote.csv 435 16 class - - uci:105/congressional+voting+records 18530 da3d8120bbed4e1931709bb530704c262a81a0cd2205f46f5b3521fcbd98f1e7
optdigits.csv.gz 5620 64 class class - uci:80/optical+recognition+of+handwritten+digits 165577 ca33284559b3e5947731e47f07cf1cc2dcd5b0cc27130afc5377ca00e4a091cd
spambase.csv.gz 4601 57 class class - uci:94/spambase 121835 76f3091edebb4b963e20a393c59a4a571bd0d401776bd9da6aeabf4ba16a92d1
abalone.csv 4177 8 rings - - uci:1/abalone 191962 b36baf97dbcb1ae8d70ae95dd06794ce7878aef96cefc29cd0c8ca0fd9f8aee1
boston-housing.csv 506 13 medv - - http://lib.stat.cmu.edu/datasets/boston 41359 dabe774132cf1f35464a048f213b1d4f39f64ad9efb1157d64d457702f72e19b
wine-quality-red.csv 1599 11 quality - - uci:186/wine+quality 84175 4875b75a6aadaa06cd10c018ec161c0e86d0fe6c47664a1f438329f77aa3ecab
wine-quality-white.csv 4898 11 quality - - uci:186/wine+quality 264402 e2fa9a3395486dcd9b18eca71283d504bdca5b88b799f824d70d673bd499ce10
yacht.csv 308 6 residuary_resistance - - uci:243/yacht+hydrodynamics 11535 657d4b4b80e83969c2d4970e8db326930edb68385ae165cfd8f4f524c596defb
energy-heating.csv 768 8 heating_load - - uci:242/energy+efficiency 35436 e7b919799f8d37e730f8b87c1979432bd14232c66c5de688721e5fa7d16ae801
concrete.csv 1030 8 compressive_strength - - uci:165/concrete+compressive+strength 48706 d680292d8a10eab6690b3fc0f418729fd8418444bf87e27c604c34bd0cfc28f3
power-plant.csv.gz 9568 4 power_output - - uci:294/combined+cycle+power+plant 113604 16dde18db41faf68549e2654402b288bc11400d125909cdd6bc9f84fd6e7f4e5
kin8nm.csv.gz 8192 8 y - - openml:189 394110 ef59e91a3a3a056a5d2306fe23976f411a1e39b865d76928b403b484ee58c9bd
airfoil.csv 1503 5 sound_pressure - - uci:291/airfoil+self+noise 74976 815b9c46cf541eddff6269290575a908b8cff6f714c395168d28b43f27e62c0d
auto-mpg.csv 398 7 class cylinders,model,origin - uci:9/auto+mpg 10916 573590593d577e44c90e596819def919143f8cfdbb78cc8d3f949623d2727922
machine-cpu.csv 209 6 class - - uci:29/computer+hardware 5072 a02e9f684231690160b907f3aa91618e48f63a970907518677bf041ca7d3e589
`;

const pages: Record<string, string> = {
  uci: "https://archive.ics.uci.edu/dataset/",
  openml: "https://www.openml.org/d/",
};

function parse(line: string): UciTable {
  const [file, rows, features, target, categorical, ignore, page, bytes, sha256] = line.split(
    " ",
  ) as string[];
  const list = (names: string): string[] => (names === "-" ? [] : names.split(","));
  return {
    name: file!.replace(/\.csv(\.gz)?$/, ""),
    path: `uci/${file}`,
    rows: Number(rows),
    features: Number(features),
    target: target!,
    categorical: list(categorical!),
    ignore: list(ignore!),
    page: page!.replace(/^(uci|openml):/, (_, site: string) => pages[site]!),
    bytes: Number(bytes),
    sha256: sha256!,
    urls: [],
  };
}

/** 42 classical tables of the UCI repository, StatLib and Delve, with a header row and `?` for missing cells. */
export const uciTables: readonly UciTable[] = lines.trim().split("\n").map(parse);
