import type { Dataset } from "../core/dataset.ts";
import { RequeenError } from "../core/errors.ts";
import type { Run } from "../core/run.ts";
import type { Listed, Page } from "../store/store.ts";
import type { House } from "./house.ts";

const LEAST_DIGITS = 6;
const PAGE = 1000;

/** A run by its id or the first digits of it, as the tables show them. @throws RequeenError run_not_found, bad_parameter (two begin so) */
export async function findRun(house: Pick<House, "store">, id: string): Promise<Run> {
  const whole = await house.store.getRun(id);
  if (whole !== null) return whole;
  const found = await startingWith<Run>(
    id,
    /^run-[0-9a-f]+$/,
    ({ run_id }) => run_id,
    (page) => house.store.listRuns({}, page),
  );
  if (found !== null) return found;
  throw new RequeenError("run_not_found", `there is no run ${JSON.stringify(id)}`, { run_id: id });
}

/** A dataset by its id or the first digits of it. @throws RequeenError dataset_not_found, bad_parameter */
export async function findDataset(house: Pick<House, "store">, id: string): Promise<Dataset> {
  const whole = await house.store.getDataset(id);
  if (whole !== null) return whole;
  const found = await startingWith<Dataset>(
    id,
    /^[0-9a-f]+$/,
    ({ dataset_id }) => dataset_id,
    (page) => house.store.listDatasets({}, page),
  );
  if (found !== null) return found;
  throw new RequeenError("dataset_not_found", `there is no dataset ${JSON.stringify(id)}`, { dataset_id: id });
}

async function startingWith<T>(
  id: string,
  form: RegExp,
  idOf: (item: T) => string,
  list: (page: Page) => Promise<Listed<T>>,
): Promise<T | null> {
  if (!form.test(id) || id.replace(/^.*-/, "").length < LEAST_DIGITS) return null;
  const found: T[] = [];
  for await (const item of everyItem(list)) if (idOf(item).startsWith(id)) found.push(item);
  const [first, second] = found;
  if (first !== undefined && second !== undefined)
    throw new RequeenError(
      "bad_parameter",
      `${id} must be enough digits to name one; ${found.map(idOf).join(" and ")} begin so`,
      { id },
    );
  return first ?? null;
}

/** All items of a list, page after page. */
export async function* everyItem<T>(list: (page: Page) => Promise<Listed<T>>): AsyncGenerator<T> {
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await list({ limit: PAGE, cursor });
    yield* items;
    if (next === null) return;
    cursor = next;
  }
}
