import { type ReactNode, useRef } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { downloadPng, downloadSvg } from "../parts/download.ts";

/** A drawing with its title, what it says in words, and its export. */
export function Figure(props: {
  readonly title: ReactNode;
  readonly name: string;
  readonly legend?: ReactNode;
  readonly note?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  const { title, name, legend, note, children } = props;
  const { t } = useLanguage();
  const frame = useRef<HTMLElement>(null);
  const withSvg = (use: (svg: SVGSVGElement) => unknown) => (): void => {
    const svg = frame.current?.querySelector<SVGSVGElement>("svg.chart");
    if (svg) use(svg);
  };
  return (
    <figure ref={frame} className="card figure">
      <figcaption>
        <h3>{title}</h3>
        <span className="exports">
          <button
            type="button"
            className="quiet small"
            aria-label={t("action.svg", { name })}
            onClick={withSvg((svg) => downloadSvg(name, svg))}
          >
            SVG
          </button>
          <button
            type="button"
            className="quiet small"
            aria-label={t("action.png", { name })}
            onClick={withSvg((svg) => void downloadPng(name, svg))}
          >
            PNG
          </button>
        </span>
      </figcaption>
      {legend}
      {children}
      {note !== undefined && <p className="faint">{note}</p>}
    </figure>
  );
}

export function Legend({ entries }: { readonly entries: readonly (readonly [kind: string, text: string])[] }): ReactNode {
  return (
    <ul className="legend">
      {entries.map(([kind, text]) => (
        <li key={kind}>
          <span className="legend-mark" data-series={kind} />
          {text}
        </li>
      ))}
    </ul>
  );
}
