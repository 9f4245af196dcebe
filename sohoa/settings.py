"""Every setting, in one frozen model read from the environment (SOHOA_…) once and then passed in."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

MEGABYTE = 1024 * 1024
GIGABYTE = 1024 * MEGABYTE


class Settings(BaseSettings):
    """What an operator can change. Each field is the environment variable SOHOA_<NAME IN CAPITALS>, or a file of that name in
    small letters (sohoa_catalog_url) in the folder SOHOA_SECRETS_DIR; the variable goes first."""

    model_config = SettingsConfigDict(env_prefix="SOHOA_", frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = env_settings().get("secrets_dir") or None
        if folder is not None and not Path(folder).is_dir():
            raise ValueError(f"SOHOA_SECRETS_DIR: there is no folder {folder}")
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder)

    secrets_dir: Path | None = Field(
        default=None, description="folder of files, each named as a setting in small letters (sohoa_catalog_url)"
    )
    home: Path = Field(default=Path("sohoa-data"), description="where everything embedded lives")
    archive_url: str = Field(
        default="", description="file:///… (default: the folder `archive` under home) or s3://… (operations/s3.md)"
    )
    s3_access_key: SecretStr | None = Field(default=None, description="access key of the S3 server")
    s3_secret_key: SecretStr | None = Field(default=None, description="secret key of the S3 server")
    s3_credentials_file: Path | None = Field(
        default=None, description="file with both keys instead (`[default]`, as AWS's tools write it)"
    )
    catalog_url: str = Field(
        default="",
        description="sqlite:///… (default: `catalog.sqlite` under home) or postgresql+psycopg://… (operations/postgres.md)",
        repr=False,  # a password may be in it
    )
    index_url: str = Field(
        default="",
        description="file:///… (default: the folder `index` under home) or http(s)://… (operations/elasticsearch.md)",
    )
    index_api_key: SecretStr | None = Field(default=None, description="API key of the Elasticsearch cluster")
    index_credentials_file: Path | None = Field(
        default=None, description="file with it instead: `[default]`, then api_key, or user and password"
    )
    broker_url: str = Field(
        default="",
        description="amqp://… or redis://… (operations/celery.md); without it, workers of this machine ask the catalogue",
        repr=False,  # a password may be in it
    )
    office: str = Field(default="local", description="the office that documents belong to unless told otherwise")
    token: SecretStr | None = Field(default=None, description="bearer token; names the actor of a command")

    # intake limits
    max_file_bytes: int = Field(default=2 * GIGABYTE, description="larger files are refused", gt=0)
    max_pages: int = Field(default=2000, description="documents with more pages are refused", gt=0)
    max_page_pixels: int = Field(
        default=200_000_000, description="pages with more pixels are refused before decoding", gt=0
    )
    max_page_side_m: float = Field(default=5.08, description="PDF pages with a longer side (metres) are refused", gt=0)
    max_folder_depth: int = Field(default=32, description="folders nested deeper are refused", gt=0)
    min_free_bytes: int = Field(default=1 * GIGABYTE, description="below this much free disk nothing is accepted", ge=0)

    # limits of the API (operations/limits.md); 0: none
    token_requests: int = Field(default=6000, description="requests a minute by one token; 0: no limit", ge=0)
    office_requests: int = Field(
        default=12_000, description="requests a minute by all tokens of one office; 0: no limit", ge=0
    )
    token_uploads: int = Field(default=1200, description="uploads a minute by one token; 0: no limit", ge=0)
    office_uploads: int = Field(
        default=2400, description="uploads a minute by all tokens of one office; 0: no limit", ge=0
    )
    token_bytes_a_day: int = Field(
        default=100 * GIGABYTE, description="bytes that one token may upload within a day; 0: no limit", ge=0
    )
    office_bytes_a_day: int = Field(
        default=200 * GIGABYTE, description="bytes that one office may upload within a day; 0: no limit", ge=0
    )
    office_waiting: int = Field(
        default=200_000, description="papers of one office that may wait to be archived; 0: no limit", ge=0
    )
    max_uploads: int = Field(default=128, description="uploads under way at once in one process of the API", gt=0)
    max_uploads_of_token: int = Field(default=64, description="uploads under way at once by one token there", gt=0)
    max_uploading_bytes: int = Field(
        default=8 * GIGABYTE, description="size of all uploads under way there together; one alone may be larger", gt=0
    )
    max_downloads: int = Field(
        default=24, description="documents' files being sent at once in one process of the API", gt=0
    )
    max_downloads_of_token: int = Field(default=16, description="files being sent at once to one token there", gt=0)
    body_wait_s: float = Field(default=30.0, description="who sends, or takes, nothing for this long is cut off", gt=0)
    body_bytes_per_s: float = Field(
        default=8192.0, description="who sends or takes slower than this, such a wait aside, is cut off", gt=0
    )

    # keeping
    retention_classes: str = Field(
        default="permanent=permanent,70y=70,50y=50,20y=20,10y=10,5y=5",
        description="how long papers can be told to be kept: NAME=YEARS or NAME=permanent, parted by commas",
    )
    spool_max_bytes: int = Field(
        default=10 * GIGABYTE,
        description="what intake keeps under home at most while an S3 store is away (operations/s3.md)",
        ge=0,
    )

    # recognising
    language: str = Field(default="vie", description="Tesseract model to use")
    tessdata: Path = Field(
        default=Path("/usr/share/tesseract-ocr/5/tessdata"), description="folder of Tesseract models"
    )
    page_timeout_s: float = Field(
        default=60.0, description="a page that takes longer is killed, then tried once more", gt=0
    )
    second_chance_timeout_s: float = Field(default=120.0, description="time limit of that second try", gt=0)
    stage_timeout_s: float = Field(
        default=1800.0, description="time limit of opening, composing or committing a document", gt=0
    )
    worker_memory_bytes: int = Field(
        default=4 * GIGABYTE, description="a worker that asks for more address space fails that page", gt=0
    )
    worker_recycle_bytes: int = Field(
        default=2 * GIGABYTE,
        description="with a broker: a worker that has grown larger than this is replaced between two jobs",
        gt=0,
    )
    pdfa: str = Field(default="2b", pattern="^(1b|2b|3b)$", description="PDF/A part and level to make")

    # reading
    accept_confidence: float = Field(
        default=0.0,
        description="fields below this confidence go to a person, also where less would do (0 to 1)",
        ge=0,
        le=1,
    )

    # review
    review_lease_s: float = Field(
        default=900.0,
        description="a paper that a person took goes back to the queue after this, unless taken again",
        gt=0,
    )
    second_check_share: float = Field(
        default=0.05, description="share of reviewed papers that a second person checks (0 to 1)", ge=0, le=1
    )
    training_offices: str = Field(
        default="", description="offices that let what they corrected be exported to train with, parted by commas"
    )

    # jobs
    jobs: int = Field(default=0, description="worker processes; 0 means one a core", ge=0)
    lease_s: float = Field(default=30.0, description="a lease not renewed for this long is handed out again", gt=0)
    max_attempts: int = Field(default=4, description="times a stage is tried before it is failed", gt=0)
    office_weights: str = Field(
        default="",
        description="share of the workers that offices get while several wait (operations/limits.md): OFFICE=WEIGHT, parted by "
        "commas; 1 unless told",
    )

    # fixity
    fixity_period_days: float = Field(
        default=31.0, description="every byte of the archive is read again within this", gt=0
    )
    fixity_rate_mb_s: float = Field(
        default=20.0, description="megabytes a second at which that is done; 0 switches it off", ge=0
    )

    log_level: str = Field(
        default="warning",
        pattern="^(debug|info|warning|error)$",
        description="least weight of what is logged; `serve` and `work` say info unless told",
    )
    traces_url: str = Field(
        default="",
        description="OpenTelemetry collector that is sent each document's way (OTLP: http(s)://…/v1/traces); none unless told",
    )

    # HTTP
    host: str = Field(default="127.0.0.1", description="address that `serve` listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="port that `serve` listens on")

    def folder_of(self, url: str) -> Path:
        """The folder that an archive's file: URL names ("": the one under home). Raises ValueError for another URL."""
        return _folder(url, default=self.home / "archive", setting="SOHOA_ARCHIVE_URL", more=" or s3://…")

    def index_root(self) -> Path:
        """The folder of the embedded search index. Raises ValueError where the URL names no folder."""
        return _folder(self.index_url, default=self.home / "index", setting="SOHOA_INDEX_URL", more=" or http(s)://…")

    def retention_terms(self) -> dict[str, int | None]:
        """Years by retention class, None for ever. Raises ValueError where they are not written as they must be."""
        terms: dict[str, int | None] = {}
        for each in self.retention_classes.split(","):
            name, _, years = (part.strip() for part in each.partition("="))
            if not name or name in terms or not (years == "permanent" or (years.isdigit() and 0 < int(years) < 1000)):
                raise ValueError(f"SOHOA_RETENTION_CLASSES: {each!r} is not NAME=YEARS or NAME=permanent")
            terms[name] = None if years == "permanent" else int(years)
        return terms

    def weights_of_offices(self) -> dict[str, float]:
        """Weight by office, of those that were told. Raises ValueError where they are not written as they must be."""
        weights: dict[str, float] = {}
        for each in filter(None, self.office_weights.split(",")):
            office, _, weight = (part.strip() for part in each.rpartition("="))
            try:
                weights[office] = float(weight)
            except ValueError:
                weights[office] = 0.0
            if not office or not 0.01 <= weights[office] <= 100:
                raise ValueError(f"SOHOA_OFFICE_WEIGHTS: {each!r} is not OFFICE=WEIGHT, with a weight from 0.01 to 100")
        return weights

    def temporary_folder(self) -> Path:
        """Where work that is thrown away again is written: on the archive's own machine, not in the system's /tmp."""
        folder = self.home.absolute() / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def catalog(self) -> str:
        """The SQLAlchemy URL of the catalogue."""
        return self.catalog_url or f"sqlite:///{(self.home / 'catalog.sqlite').absolute()}"


def settings_over(file: Path) -> Settings:
    """The settings of the environment, but for what an env file (`SOHOA_NAME=value` lines) says in their place.

    A setting without a value is as if it were not set. SOHOA_SECRETS_DIR in the file gives what the file itself does not.
    Raises ValueError (pydantic's ValidationError is one) where the file cannot be read, or names no setting.
    """
    try:
        file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    told = {name: value or "" for name, value in DotEnvSettingsSource(Settings, env_file=file).env_vars.items()}
    told = {name: value for name, value in told.items() if name.startswith("sohoa_")}
    if not told:
        raise ValueError(f"{file} has no line SOHOA_…=…")
    said = {name.removeprefix("sohoa_"): value for name, value in told.items()}
    if unknown := sorted(said.keys() - Settings.model_fields.keys()):
        raise ValueError(f"{file}: there is no setting SOHOA_{unknown[0].upper()}")
    secret = {}
    if folder := said.get("secrets_dir"):
        if not Path(folder).is_dir():
            raise ValueError(f"{file}: SOHOA_SECRETS_DIR: there is no folder {folder}")
        secret = SecretsSettingsSource(Settings, secrets_dir=folder)()
    values = {**secret, **said}
    return Settings(**{name: value or Settings.model_fields[name].default for name, value in values.items()})


def _folder(url: str, *, default: Path, setting: str, more: str = "") -> Path:
    if not url:
        return default.absolute()
    if not url.startswith("file:///"):
        raise ValueError(f"{setting}={url!r} cannot be opened: write file:///absolute/path{more}")
    return Path(url.removeprefix("file://"))


def system_user() -> str:
    """The operating system's user, the actor of a command when nobody else is named."""
    try:
        return f"person:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"person:uid-{os.getuid()}"
