import { load } from "cheerio";
import { describe, expect, it } from "vitest";
import { reportPage } from "../../../generators/report/page/page.ts";
import { style } from "../../../generators/report/page/style.ts";
import type { BenchRecord } from "../../../generators/report/record/schema.ts";
import { benchRecord, benchResult, benchSweep, ffnShape } from "../../support/bench-record.ts";

const tokens = [1, 2, 4, 8];
const densities = [0.05, 0.1, 0.2];

const labelled = (record: BenchRecord, label = "h200") => ({ label, record });
const page = (...records: readonly BenchRecord[]) =>
  load(reportPage(records.map((record, index) => labelled(record, `record-${index + 1}`))));

type Page = ReturnType<typeof load>;
const texts = ($: Page, selector: string): string[] =>
  $(selector)
    .toArray()
    .map((node) => $(node).text());
const row = ($: Page, caption: string, index: number): string[] =>
  texts($, `table:has(caption:contains("${caption}")) tbody tr:nth-child(${index + 1}) :is(th, td)`);

describe("the page on one record", () => {
  const record = benchRecord(benchSweep(tokens, densities), { commit: "a".repeat(40) });
  const $ = page(record);

  it("has a plot over tokens, one over density and the roofline", () => {
    expect(texts($, "figcaption")).toEqual([
      "Speed-up over dense by tokens",
      "Speed-up over dense by density",
      "Time of sparse calls against the roofline",
    ]);
  });

  it("draws one line for each density over tokens, with a marker for each result", () => {
    const plot = $("svg").first();
    expect(plot.find("path.line")).toHaveLength(densities.length);
    expect(plot.find("path.marker")).toHaveLength(densities.length * tokens.length);
    expect(
      plot
        .find(".labels text")
        .toArray()
        .map((node) => $(node).text()),
    ).toEqual(["5% active", "10% active", "20% active", "dense"]);
  });

  it("colours a density alike over tokens and on the roofline", () => {
    const classes = (index: number) =>
      $("svg")
        .eq(index)
        .find(".labels g.series")
        .toArray()
        .map((node) => [$(node).text(), $(node).attr("class")]);
    expect(classes(2)).toEqual(classes(0));
    expect(new Set(classes(0).map(([, name]) => name)).size).toBe(densities.length);
  });

  it("puts the roof below every point", () => {
    const plot = $("svg").eq(2);
    const at = (name: string) => Number(plot.find("line.reference").attr(name));
    const slope = (at("y2") - at("y1")) / (at("x2") - at("x1"));
    for (const marker of plot.find("path.marker").toArray()) {
      const [x = 0, y = 0] =
        $(marker)
          .attr("transform")
          ?.match(/[\d.]+/g)
          ?.map(Number) ?? [];
      expect(y).toBeLessThan(at("y1") + slope * (x - at("x1")));
    }
  });

  it("tells those who cannot see a plot what it shows", () => {
    for (const svg of $("svg").toArray()) {
      expect($(svg).attr("role")).toBe("img");
      const parts = $(svg).attr("aria-labelledby")?.split(" ") ?? [];
      expect(parts.map((id) => $(`#${id}`).prop("tagName")?.toLowerCase())).toEqual(["title", "desc"]);
    }
    expect($("desc").first().text()).toMatch(/10% active: 6\.87× at 1 token to \d\.\d\d× at 8 tokens\./);
  });

  it("has every number in tables too", () => {
    expect(row($, "Machines", 0)).toEqual([
      ...["record-1", "NVIDIA H200", "4250", "580.159.04", "13.0", "2.11.0+cu130", "0.1.0", "sm_90a", "13.0.88"],
      ...["aaaaaaaaaaaa", "000000000000", "12"],
    ]);
    expect(row($, "All results", 4)).toEqual([
      ...["10%", "1", "sparse", "10.0%", "35.2", "12.8", "88.0", "6.87×", "2751", "64.7%"],
    ]);
    expect($("table:has(caption:contains('All results')) tbody tr")).toHaveLength(tokens.length * densities.length);
  });

  it("names every element once, and links only to what is there", () => {
    const ids = $("[id]")
      .toArray()
      .map((node) => $(node).attr("id"));
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of $("a").toArray()) expect(ids.map((id) => `#${id}`)).toContain($(link).attr("href"));
  });

  it("needs nothing else: no script, no address, no style that fetches", () => {
    expect($("script, link, img, iframe, object, [src], [onload]")).toHaveLength(0);
    expect($("meta[http-equiv='Content-Security-Policy']").attr("content")).toMatch(/^default-src 'none';/);
    expect(style).not.toMatch(/url\(|@import|</);
  });

  it("is a function of the results, not of their order", () => {
    const shuffled = { ...record, results: record.results.toReversed() };
    expect(reportPage([labelled(shuffled)])).toBe(reportPage([labelled(record)]));
  });
});

describe("the page on two records", () => {
  const before = benchRecord(benchSweep(tokens, densities));
  const after = benchRecord([
    ...benchSweep(tokens, [0.05, 0.1], { microseconds: 10 }),
    benchResult({ operator: "predict", denseMicroseconds: null }),
  ]);
  const $ = page(before, after);

  it("draws both as lines of one plot for each density", () => {
    const captions = texts($, "figcaption");
    expect(captions.slice(0, 3)).toEqual([
      "Speed-up by tokens, 5% active",
      "Speed-up by tokens, 10% active",
      "Speed-up by tokens, 20% active",
    ]);
    const lines = $("svg")
      .toArray()
      .map((svg) => texts($, `#${$(svg).find("title").attr("id")} ~ .labels text`));
    expect(lines.slice(1, 3)).toEqual([
      ["record-1", "record-2", "dense"],
      ["record-1", "dense"],
    ]);
  });

  it("shows how the time changed against the first record", () => {
    expect(row($, "All results", 0).slice(2, 3)).toEqual(["record-1"]);
    expect(row($, "All results", 1).at(-1)).toBe("+19.0%");
    expect(texts($, "th").filter((text) => text.startsWith("time against"))).toEqual(
      Array(2).fill("time against record-1"),
    );
  });

  it("says which record alone has a workload", () => {
    expect(texts($, "section p.shape")).toEqual([
      "4096 × 14336, bf16 dReLU, 16 layers",
      "4096 × 14336, bf16 dReLU, 16 layers (only in record-2)",
    ]);
  });
});

describe("the page on little", () => {
  it("says so when there are no results", () => {
    const $ = page(benchRecord([]));
    expect($("main").text().trim()).toBe("No results were recorded.");
    expect($("svg")).toHaveLength(0);
  });

  it("draws a single result as a point", () => {
    const $ = page(benchRecord([benchResult()]));
    expect(texts($, "figcaption")).toEqual([
      "Speed-up over dense by tokens",
      "Time of sparse calls against the roofline",
    ]);
    expect($("svg path.marker")).toHaveLength(2);
    expect($("svg path.line")).toHaveLength(0);
  });

  it("keeps calls that read nothing off the roofline", () => {
    const nothing = benchResult({ density: 0, unionDensity: 0, bytes: 0, gigabytesPerSecond: 0, roofShare: 0 });
    const $ = page(benchRecord([nothing, benchResult()]));
    expect($("#workload-1-density-title")).toHaveLength(1);
    expect($("svg:has(#workload-1-roofline-title) path.marker")).toHaveLength(1);
    expect(reportPage([labelled(benchRecord([nothing]))])).not.toMatch(/NaN|Infinity/);
  });

  it("has no speed-up where there is no dense baseline", () => {
    const $ = page(benchRecord([benchResult({ operator: "predict", denseMicroseconds: null })]));
    expect(texts($, "figcaption")).toEqual(["Time of sparse calls against the roofline"]);
  });

  it("draws dense calls hollow, and keeps them off the roofline", () => {
    const results = [benchResult(), benchResult({ tokens: 64, path: "dense", microseconds: 89 })];
    const $ = page(benchRecord(results));
    expect($("svg").first().find("path.marker.dense")).toHaveLength(1);
    expect($("svg:has(#workload-1-roofline-title) path.marker")).toHaveLength(1);
  });

  it("counts what is slower than dense", () => {
    const times = [80, 89, 90].map((microseconds, index) => benchResult({ tokens: index + 1, microseconds }));
    expect(row(page(benchRecord(times)), "Summary", 0).at(-1)).toBe("1");
  });
});

describe("hostile texts", () => {
  const hostile = `"'><script>alert(1)</script><svg onload=alert(2)>&amp;</title></style>`;

  it("stay text wherever a record puts them", () => {
    const shape = { ...ffnShape, experts: 8, topK: 2 };
    const record = benchRecord([benchResult(), benchResult({ operator: "moe", shape })], {
      gpu: hostile,
      driver: hostile,
      torch: hostile,
      cuda: hostile,
      turbosparse: hostile,
      archs: [hostile],
      nvcc: hostile,
      commit: hostile,
    });
    const $ = load(reportPage([labelled(record, hostile), labelled(record, `${hostile}2`)]));
    expect($("script, [onload]")).toHaveLength(0);
    expect(row($, "Machines", 0).slice(0, 2)).toEqual([hostile, hostile]);
    expect($("head > title").text()).toBe(`turbosparse bench: ${hostile}, ${hostile}2`);
    expect(texts($, "figure .labels title")).toContain(hostile);
  });
});
