import { z } from "zod";

/**
 * The schema of a thing as its document: what `schema.encode` writes. Codecs become their outer side (a time is ISO 8601 text), fields with
 * a default are always there. For answers, which hold documents already.
 * @throws Error for a schema that turns values into others without a way back: no document can be told from it.
 */
export function documentSchema<S extends z.ZodType>(schema: S): z.ZodType<z.input<S>, z.input<S>> {
  return turned(schema) as z.ZodType<z.input<S>, z.input<S>>;
}

const TURNED = new WeakMap<z.core.$ZodType, z.core.$ZodType>();

function turned(schema: z.core.$ZodType): z.core.$ZodType {
  const known = TURNED.get(schema);
  if (known !== undefined) return known;
  const made = turnOne(schema);
  const about = z.globalRegistry.get(schema);
  // an id names one schema: the turned one gets its own, where it is used
  if (made !== schema && about?.description !== undefined && z.globalRegistry.get(made) === undefined)
    z.globalRegistry.add(made, { description: about.description });
  TURNED.set(schema, made);
  return made;
}

/** Checks over whole objects and lists speak of decoded values; the parts keep theirs. */
const NO_CHECKS = { checks: [] };

function turnOne(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const copy = (changes: object): z.core.$ZodType => z.core.clone(schema, { ...def, ...changes } as z.core.$ZodTypeDef);
  switch (def.type) {
    case "object":
      return copy({
        ...NO_CHECKS,
        shape: Object.fromEntries(Object.entries(def.shape).map(([name, part]) => [name, turned(part)])),
      });
    case "array":
      return copy({ element: turned(def.element) });
    case "record":
      return copy({ valueType: turned(def.valueType) });
    case "tuple":
      return copy({ items: def.items.map(turned) });
    case "union":
      return copy({ options: def.options.map(turned) });
    case "optional":
    case "nullable":
    case "readonly":
      return copy({ innerType: turned(def.innerType) });
    case "default":
    case "prefault":
      return turned(def.innerType);
    case "pipe": {
      if (!("reverseTransform" in def)) throw new Error("a schema that transforms one way has no document");
      return turned(def.in);
    }
    default:
      return schema;
  }
}
