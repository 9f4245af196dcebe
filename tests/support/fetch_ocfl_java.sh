#!/bin/sh
# Fetches ocfl-java, the second judge of the archive in tests, and everything it needs into TARGET_DIR through Maven.
set -eu

version=2.2.2
[ $# -eq 1 ] || { echo "usage: $0 TARGET_DIR" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sohoa.tests</groupId>
  <artifactId>ocfl-java</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>io.ocfl</groupId><artifactId>ocfl-java-core</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.16</version></dependency>
  </dependencies>
</project>
POM

mvn --batch-mode --quiet --file "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$target"
ls "$target"/ocfl-java-core-*.jar >/dev/null
echo "ocfl-java $version is in $target: set SOHOA_OCFL_JAVA_JARS=$target"
