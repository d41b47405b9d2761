import { grouped } from "../../decide/phrases.ts";
import { specialistOf } from "../../loop/house.ts";
import { type ShownDataset, type ShownList, showDataset, showList } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS, SPECIALIST_OPTION } from "../page-options.ts";
import { minuteOf, shortId } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import { bytes } from "../render/values.ts";

export const datasetsList = defineCommand({
  name: "datasets list",
  summary: "List the snapshots that runs were trained and judged on, newest first.",
  arguments: {},
  options: { ...SPECIALIST_OPTION, ...PAGE_OPTIONS },
  examples: [{ line: "requeen datasets list --specialist technical", does: "one specialist's snapshots" }],
  changes: false,
  run: async ({ specialist, limit, cursor }, { openHouse }): Promise<ShownList<"datasets", ShownDataset>> => {
    const house = await openHouse();
    if (specialist !== undefined) specialistOf(house, specialist);
    const { items, next } = await house.store.listDatasets({ specialist }, { limit, cursor });
    return showList("datasets", items.map(showDataset), next);
  },
  render: ({ datasets, next }, terminal) =>
    datasets.length === 0
      ? "No datasets yet. Every run takes one; `requeen retrain --all` starts the first."
      : renderTable(
          datasets,
          [
            { title: "DATASET", text: ({ dataset_id }) => shortId(dataset_id) },
            { title: "SPECIALIST", shrinks: true, text: ({ specialist }) => specialist },
            { title: "TRAIN", align: "right", text: ({ rows_by_role }) => grouped(rows_by_role.train) },
            { title: "GATE", align: "right", text: ({ rows_by_role }) => grouped(rows_by_role.gate) },
            { title: "OUT", align: "right", text: ({ rows_by_role }) => grouped(rows_by_role.out) },
            { title: "SIZE", align: "right", text: ({ size_bytes }) => bytes(size_bytes) },
            { title: "MADE", text: ({ created_at }) => minuteOf(created_at) },
          ],
          terminal,
        ) + moreLine(next),
});
