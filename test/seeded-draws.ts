import fc from "fast-check";

/**
 * Property tests draw the same cases on every run, so that a red test is red for everybody and a green one stays green;
 * `REQUEEN_TEST_SEED=random npm test` (or a number) looks further. What it finds becomes an example of its own.
 */
const wanted = process.env.REQUEEN_TEST_SEED ?? "20261122";
if (wanted !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number.parseInt(wanted, 10) });
