/** A value that no log, message, JSON or inspection shows. Only `reveal` gives it; call it where the value is sent, nowhere else. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}

/** A connection string without its password, fit to be shown: `mongodb://user:***@host/db`. Text that is no URL keeps its part after `@`. */
export function redactUri(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/@]*)@/i, (_whole, scheme: string, credentials: string) => {
    const user = credentials.split(":", 1)[0];
    return `${scheme}${user}${credentials.includes(":") ? ":***" : ""}@`;
  });
}
