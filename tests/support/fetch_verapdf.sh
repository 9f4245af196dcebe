#!/bin/sh
# Fetches veraPDF, the independent judge of PDF/A in tests, and everything it needs into TARGET_DIR through Maven.
set -eu

version=1.28.2
[ $# -eq 1 ] || { echo "usage: $0 TARGET_DIR" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sohoa.tests</groupId>
  <artifactId>verapdf</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.verapdf.apps</groupId>
      <artifactId>greenfield-apps</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
POM

mvn --batch-mode --quiet --file "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$target"
ls "$target"/greenfield-apps-*.jar >/dev/null
echo "veraPDF $version is in $target: set SOHOA_VERAPDF_JARS=$target"
