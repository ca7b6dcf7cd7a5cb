import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { valueAndGrad } from "../tensor/transforms.ts";
import * as nn from "./index.ts";

const draw = (seed: number, ...shape: number[]) => random.normal(random.key(seed), shape, "float64");
const numbers = (a: NDArray) => [...(a.data as Float64Array)];

/** The definition, term by term: the two-sided sum over all frequencies, of which the layer keeps the real part. */
function byDefinition(x: NDArray, kernel: NDArray, modes: readonly number[]): number[] {
  const [n, channels, ...grid] = x.shape as [number, number, ...number[]];
  const [height, width] = grid.length === 1 ? [1, grid[0]!] : (grid as [number, number]);
  const outputs = kernel.shape.at(-1)!;
  const rows = modes.length === 1 ? [0] : signedRows(modes[0]!);
  const last = modes.at(-1)!;
  const [xs, ks] = [numbers(x), numbers(kernel)];
  const out: number[] = [];
  for (let b = 0; b < n; b++)
    for (let o = 0; o < outputs; o++)
      for (let h = 0; h < height; h++)
        for (let w = 0; w < width; w++) {
          let sum = 0;
          rows.forEach((k1, row) => {
            for (let k2 = 0; k2 < last; k2++) {
              let [re, im] = [0, 0];
              for (let c = 0; c < channels; c++) {
                let [xr, xi] = [0, 0];
                for (let i = 0; i < height; i++)
                  for (let j = 0; j < width; j++) {
                    const angle = -2 * Math.PI * ((k1 * i) / height + (k2 * j) / width);
                    const v = xs[((b * channels + c) * height + i) * width + j]!;
                    xr += v * Math.cos(angle);
                    xi += v * Math.sin(angle);
                  }
                const at = ((row * last + k2) * channels + c) * 2 * outputs + o;
                const [kr, ki] = [ks[at]!, ks[at + outputs]!];
                re += xr * kr - xi * ki;
                im += xr * ki + xi * kr;
              }
              const angle = 2 * Math.PI * ((k1 * h) / height + (k2 * w) / width);
              sum += (k2 === 0 ? 1 : 2) * (re * Math.cos(angle) - im * Math.sin(angle));
            }
          });
          out.push(sum / (height * width));
        }
  return out;
}

const signedRows = (m: number) => [...Array(m).keys(), ...Array.from({ length: m }, (_, i) => i - m)];

describe("spectralConv", () => {
  it.each([
    { modes: [3] as [number], sizes: [8] },
    { modes: [4] as [number], sizes: [9] },
    { modes: [2, 3] as [number, number], sizes: [6, 8] },
    { modes: [3, 2] as [number, number], sizes: [7, 5] },
  ])("is the Fourier sum, term by term: $modes frequencies on $sizes places", async ({ modes, sizes }) => {
    const layer = nn.spectralConv({ inputs: 2, outputs: 3, modes, dtype: "float64" });
    const { kernel } = layer.init(random.key(1));
    const x = draw(2, 2, 2, ...sizes);
    const y = await compile((k: Tensor, t: Tensor) => layer.apply({ kernel: k }, t))(kernel, x);
    expect(y.shape).toEqual([2, 3, ...sizes]);
    const expected = byDefinition(x, kernel, modes);
    numbers(y).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
  });

  it("with factors 1 gives back a function that has only the frequencies kept", async () => {
    const layer = nn.spectralConv({ inputs: 1, outputs: 1, modes: [2, 3], dtype: "float64" });
    const { kernel } = layer.init(random.key(0));
    const ones = new NDArray(
      Float64Array.from({ length: kernel.data.length }, (_, i) => 1 - (i % 2)),
      kernel.shape,
    );
    const values = Float64Array.from({ length: 64 }, (_, i) => {
      const [h, w] = [(2 * Math.PI * Math.floor(i / 8)) / 8, (2 * Math.PI * (i % 8)) / 8];
      return 1 + Math.cos(h) - 2 * Math.sin(2 * w) + 3 * Math.cos(h - 2 * w) + 0.5 * Math.sin(h + w);
    });
    const x = new NDArray(values, [1, 1, 8, 8]);
    const y = await compile((k: Tensor, t: Tensor) => layer.apply({ kernel: k }, t))(ones, x);
    numbers(y).forEach((v, i) => expect(v).toBeCloseTo(values[i]!, 13));
  });

  it("commutes with a shift of the grid", async () => {
    const layer = nn.spectralConv({ inputs: 1, outputs: 2, modes: [2, 2], dtype: "float64" });
    const { kernel } = layer.init(random.key(3));
    const run = compile((k: Tensor, t: Tensor) => layer.apply({ kernel: k }, t));
    const x = draw(4, 1, 1, 5, 6);
    const shifted = (a: NDArray) => {
      const [n, c] = a.shape as [number, number];
      const source = a.data as Float64Array;
      const at = (i: number) => {
        const [map, h, w] = [Math.floor(i / 30), Math.floor(i / 6) % 5, i % 6];
        return source[map * 30 + ((h + 4) % 5) * 6 + ((w + 2) % 6)]!;
      };
      return new NDArray(
        Float64Array.from({ length: source.length }, (_, i) => at(i)),
        [n, c, 5, 6],
      );
    };
    const [a, b] = [shifted(await run(kernel, x)), await run(kernel, shifted(x))];
    numbers(a).forEach((v, i) => expect(v).toBeCloseTo(numbers(b)[i]!, 13));
  });

  it("has the gradient of the definition", async () => {
    const layer = nn.spectralConv({ inputs: 2, outputs: 1, modes: [2, 2], dtype: "float64" });
    const { kernel } = layer.init(random.key(5));
    const x = draw(6, 1, 2, 4, 5);
    const loss = (k: Tensor, t: Tensor) => layer.apply({ kernel: k }, t).square().sum();
    const [value, gradient] = await compile((k: Tensor, t: Tensor) => valueAndGrad(loss)(k, t))(kernel, x);
    const energy = (k: NDArray) => byDefinition(x, k, [2, 2]).reduce((s, v) => s + v * v, 0);
    expect(value.item()).toBeCloseTo(energy(kernel), 12);
    numbers(gradient).forEach((g, i) => {
      const moved = (by: number) => {
        const data = (kernel.data as Float64Array).slice();
        data[i]! += by;
        return energy(new NDArray(data, kernel.shape));
      };
      // The loss is quadratic in the kernel, so that central differences are exact up to rounding.
      expect(g).toBeCloseTo((moved(0.5) - moved(-0.5)) / 1, 10);
    });
  });

  it("refuses inputs of another form, and more frequencies than there are", () => {
    const layer = nn.spectralConv({ inputs: 2, outputs: 1, modes: [3, 3] });
    const apply = (...shape: number[]) =>
      compile((x: Tensor) => layer.apply({ kernel: x.sum().mul(0).expand([6, 3, 2, 2, 1]) }, x))(
        NDArray.zeros(shape),
      );
    return Promise.all([
      expect(apply(1, 2, 8)).rejects.toThrow(
        "spectralConv: the input has shape [1, 2, 8]: give [batch, 2, height, width]",
      ),
      expect(apply(1, 2, 8, 5)).rejects.toThrow(
        "spectralConv: 3 frequencies do not fit 5 places: keep 2 or fewer",
      ),
    ]);
  });
});

describe("fno", () => {
  it("has as many weights as published for 12 modes and width 32, and as its layers add up to on a line", () => {
    const count = (options: nn.FnoOptions) => nn.parameterCount(nn.fno(options).init(random.key(0)));
    expect(count({ modes: [12, 12] })).toBe(2_368_001);
    // 4 layers of 64 x 64 x 16 complex factors and 64 x 64 + 64; lifting 2 x 64 + 64; 64 x 128 + 128; 128 + 1.
    expect(count({ modes: [16], width: 64 })).toBe(4 * (2 * 64 * 64 * 16 + 4160) + 192 + 8320 + 129);
  });

  it("maps a function on a coarse grid and on a fine one to the same, where the grids meet", async () => {
    // No coordinates get in, the layers between are linear, and the function has few frequencies.
    const model = nn.fno({ modes: [3, 3], width: 4, depth: 2, activation: "identity", dtype: "float64" });
    const params = model.init(random.key(7));
    const lift = params.lift.kernel.data as Float64Array;
    for (let i = 0; i < lift.length; i++) if (i % 3 > 0) lift[i] = 0;
    const sample = (size: number) =>
      new NDArray(
        Float64Array.from({ length: size * size }, (_, i) => {
          const [h, w] = [Math.floor(i / size) / size, (i % size) / size];
          return Math.sin(2 * Math.PI * h) + Math.cos(2 * Math.PI * (2 * w - h));
        }),
        [1, 1, size, size],
      );
    const run = compile(model.apply);
    const [coarse, fine] = [await run(params, sample(8)), await run(params, sample(16))];
    numbers(coarse).forEach((v, i) => {
      const at = 2 * Math.floor(i / 8) * 16 + 2 * (i % 8);
      expect(v).toBeCloseTo(numbers(fine)[at]!, 12);
    });
  });
});
