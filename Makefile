# make demo   sets everything up, archives a sample batch of drawn papers, searches it, shows what it got and where
# make test   sets everything up, runs every test (those of servers that do not run are left out; it says so last)
# make servers       installs and starts the real servers that tests need; make servers-stop ends them
# make stack BROKER=rabbitmq   starts PostgreSQL, RabbitMQ or Redis, S3, Elasticsearch and Sohoa on them as plain processes, until Ctrl-C
# make chaos BROKER=rabbitmq   kills and freezes each of these under load, and writes docs/chaos.md (a quarter of an hour)
# make soak BROKER=rabbitmq    half an hour of work: the memory of every process must be flat; writes docs/soak.md
# make load   1,000 uploads from 50 clients, then searches of a million documents; writes docs/load.md (half an hour, and three quarters of an hour the first time, for filling build/filled)
# make bench-scale   measures workers, dispatch and both indexes at a province's size, and writes docs/benchmarks-scale.md (two hours)
# make mutants       breaks the fixity check in each of many ways: its own tests must fail (a quarter of an hour, not in make test)
# make kills MINUTES=5   kills workers, API and command at random under load for so long; then nothing may be lost
# make lint   format, lint, types, import rules
# make check  the gate before a commit: lint, and the fast tests
# make bench  measures, and writes docs/benchmarks.md
# make accuracy  measures how right the fields are on drawn and real papers, and writes docs/accuracy.md
# make bench-archive  measures the archive in a folder and on both S3 servers, and writes docs/benchmarks-archive.md

.PHONY: demo stack chaos soak load test mutants kills lint check format bench accuracy bench-archive bench-scale setup servers servers-stop

PY := .venv/bin/python

setup:
	@sh .ci/setup run

demo: setup
	@$(PY) -m tests.support.demo

test:
	@sh .ci/setup test
	SOHOA_REQUIRE=$${SOHOA_REQUIRE:-verapdf,ocfl-java,postgres,pgbouncer,rabbitmq,redis,promtool,nginx,systemd} SOHOA_VERAPDF_JARS=.tools/verapdf $(PY) -m pytest -m "not mutants" -n auto --dist worksteal

stack:
	@sh .ci/setup test
	@$(PY) -m tests.support.stack $${BROKER:-rabbitmq}

chaos: servers
	$(PY) -m tests.e2e.chaos --broker $${BROKER:-rabbitmq} --write docs/chaos.md

soak: servers
	$(PY) -m tests.e2e.soak --broker $${BROKER:-rabbitmq} --write docs/soak.md

load: servers
	[ -d $${FILLED:-build/filled} ] || $(PY) -m tests.e2e.filled $${FILLED:-build/filled}
	$(PY) -m tests.e2e.load --filled $${FILLED:-build/filled} --write docs/load.md

bench-scale: servers
	$(PY) -m tests.benchmarks.scale_run --write docs/benchmarks-scale.md

mutants: setup
	$(PY) -m pytest -m mutants -n 2

kills: setup
	$(PY) -m tests.e2e.random_kills --minutes $${MINUTES:-5}

servers:
	@sh .ci/setup test
	@$(PY) -m tests.support.servers start

servers-stop:
	@$(PY) -m tests.support.servers stop

lint: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/lint-imports
	$(PY) -m mypy

check: lint
	$(PY) -m pytest -m "not slow and not mutants and not verapdf and not ocfl_java and not papers and not servers and not postgres and not brokers" -q -n auto --dist worksteal

format: setup
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: setup
	$(PY) -m tests.benchmarks.run --write docs/benchmarks.md

accuracy: setup
	$(PY) -m tests.benchmarks.fields_bench --write docs/accuracy.md

bench-archive: servers
	$(PY) -m tests.benchmarks.archive_run --write docs/benchmarks-archive.md
