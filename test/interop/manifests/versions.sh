# What the manifests are held to. Read by build.sh and run.sh.
# shellcheck disable=SC2034
# the first, a middle and the newest release of Kubernetes
schema_versions=(v1.30.14 v1.33.13 v1.36.3)
helm_version=v3.19.5
kustomize_version=v5.8.3
