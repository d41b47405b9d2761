import type { Plan } from "../../core/plan.ts";
import { wordsOf } from "../../features/index.ts";

/** The words of each task's description, in the order of the tasks: split once, read by every gate. */
export const textsOf = (plan: Plan): string[][] => plan.tasks.map((task) => wordsOf(task.description));
