import type { ReactNode } from "react";
import { Link } from "wouter";
import { shortId } from "./short-id.ts";

export const RunLink = ({ id }: { readonly id: string | null }): ReactNode =>
  id === null ? (
    "–"
  ) : (
    <Link href={`/runs/${encodeURIComponent(id)}`} title={id}>
      <code>{shortId(id)}</code>
    </Link>
  );
