/** The release whose protocol this server speaks; clients older and newer ask for it. */
export const MLFLOW_VERSION = "3.11.1";
