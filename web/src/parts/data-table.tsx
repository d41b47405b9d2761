import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { downloadCsv, toCsv } from "./download.ts";
import { Icon } from "./icon.tsx";

export interface Column<Row> {
  readonly key: string;
  readonly head: ReactNode;
  /** The name of the column in the CSV file. */
  readonly name: string;
  readonly cell: (row: Row) => ReactNode;
  readonly value: (row: Row) => string | number | null;
  readonly numeric?: boolean;
}

interface TableProps<Row> {
  /** Names the table for screen readers and its CSV file. */
  readonly caption: string;
  readonly file: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly showCaption?: boolean;
}

function CsvButton<Row>({ caption, file, columns, rows }: TableProps<Row>): ReactNode {
  const { t } = useLanguage();
  const save = (): void =>
    downloadCsv(
      `${file}.csv`,
      toCsv(
        columns.map(({ name }) => name),
        rows.map((row) => columns.map(({ value }) => value(row))),
      ),
    );
  return (
    <button type="button" className="quiet small" onClick={save} aria-label={t("action.csv", { table: caption })}>
      <Icon name="download" /> CSV
    </button>
  );
}

/** A table that scrolls sideways in its own frame on narrow screens. */
export function DataTable<Row>(props: TableProps<Row>): ReactNode {
  const { caption, columns, rows, rowKey, showCaption = false } = props;
  return (
    <div className="table">
      <div className="table-head">
        {showCaption ? <h3>{caption}</h3> : <span />}
        <CsvButton {...props} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section className="table-frame" tabIndex={0} aria-label={caption}>
        <table>
          <thead>
            <tr>
              {columns.map(({ key, head, numeric }) => (
                <th key={key} scope="col" className={numeric ? "numeric" : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={rowKey(row)}>
                {columns.map(({ key, cell, numeric }) => (
                  <td key={key} className={numeric ? "numeric" : undefined}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

const ROW_HEIGHT = 40;

/** A list of any length: only the rows in sight are drawn. `onEnd` is called when the last one comes near. */
export function LongTable<Row>(
  props: TableProps<Row> & { readonly total?: number | undefined; readonly onEnd?: () => void; readonly widths: string },
): ReactNode {
  const { caption, columns, rows, rowKey, onEnd, total, widths } = props;
  const { t } = useLanguage();
  const frame = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    onChange: (instance) => {
      const last = instance.getVirtualItems().at(-1);
      if (last !== undefined && last.index >= rows.length - 20) onEnd?.();
    },
  });
  return (
    <div className="table long-table">
      <div className="table-head">
        <span className="faint">
          {total === undefined ? t("table.rows", { count: rows.length }) : t("table.rows.of", { shown: rows.length, total })}
        </span>
        <CsvButton {...props} />
      </div>
      <section ref={frame} className="table-frame long" aria-label={caption}>
        {/* biome-ignore-start lint/a11y/useSemanticElements: rows that are not there cannot be table rows of HTML; aria-rowcount says how many there are */}
        {/* biome-ignore-start lint/a11y/useFocusableInteractive: a row is read, not focused */}
        {/* biome-ignore-start lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <div role="table" aria-label={caption} aria-rowcount={rows.length + 1} tabIndex={0}>
          <div role="rowgroup" className="long-head">
            <div role="row" className="long-row" style={{ gridTemplateColumns: widths }}>
              {columns.map(({ key, head, numeric }) => (
                <div key={key} role="columnheader" className={numeric ? "numeric" : undefined}>
                  {head}
                </div>
              ))}
            </div>
          </div>
          <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              if (row === undefined) return null;
              return (
                <div
                  key={rowKey(row)}
                  role="row"
                  aria-rowindex={item.index + 2}
                  className="long-row"
                  style={{ gridTemplateColumns: widths, position: "absolute", top: item.start, height: item.size, width: "100%" }}
                >
                  {columns.map(({ key, cell, numeric }) => (
                    <div key={key} role="cell" className={numeric ? "numeric" : undefined}>
                      {cell(row)}
                    </div>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
        {/* biome-ignore-end lint/a11y/noNoninteractiveTabindex: see above */}
        {/* biome-ignore-end lint/a11y/useFocusableInteractive: see above */}
        {/* biome-ignore-end lint/a11y/useSemanticElements: see above */}
      </section>
    </div>
  );
}
