import sqlite3
import stat
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import SQL, IntegerField, Model, SqliteDatabase

from domain.decisions import Gate, Levels
from domain.errors import ConfigError, StorageError
from storage.database import MIGRATIONS, SECOND_TABLES, explained, open_database, open_reader
from storage.fields import ExactField, JsonField, TimeField
from storage.models import ConfigRow, TradeRow
from storage.projection import Projection
from tests.storage.conftest import a_fill


class Sample(Model):
    id = IntegerField(primary_key=True)
    amount = ExactField(null=True)
    at = TimeField(null=True)
    levels = JsonField(Levels, null=True)


@pytest.fixture
def sample(database: SqliteDatabase) -> SqliteDatabase:
    with database.bind_ctx([Sample]):
        database.create_tables([Sample])
    return database


def stored(database: SqliteDatabase, **values: object) -> Sample:
    Sample.replace(id=1, **values).execute(database)
    return Sample.select().get(database)


def test_the_file_is_for_its_owner_alone_and_writes_through(database: SqliteDatabase, tmp_path: Path) -> None:
    found = [database.pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")]

    assert found == ["wal", 2, 1, 5_000]
    assert stat.S_IMODE((tmp_path / "baeu.sqlite3").stat().st_mode) == 0o600


def test_twenty_decimals_come_back(sample: SqliteDatabase) -> None:
    amount = Decimal("828810596.00089356000000000017")

    assert str(stored(sample, amount=amount).amount) == "828810596.00089356000000000017"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(amount=st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e30", max_value="1e30", places=20))
def test_any_decimal_round_trips(sample: SqliteDatabase, amount: Decimal) -> None:
    assert stored(sample, amount=amount).amount.compare_total(amount) == 0


@pytest.mark.parametrize("amount", [0.1, 1, "1", Decimal("NaN"), Decimal("Infinity")])
def test_only_a_finite_decimal_is_an_amount(sample: SqliteDatabase, amount: object) -> None:
    with pytest.raises(StorageError, match="column amount takes a finite Decimal"):
        stored(sample, amount=amount)


@pytest.mark.parametrize("at", [1.5, True, "5", Decimal(5)])
def test_only_an_int_is_a_time(sample: SqliteDatabase, at: object) -> None:
    with pytest.raises(StorageError, match="column at takes int microseconds"):
        stored(sample, at=at)


def test_json_keeps_decimals_exact(sample: SqliteDatabase) -> None:
    levels = Levels(*(Decimal(text) for text in ("0.10", "1.00000000000000000001", "3", "-4")))

    assert repr(stored(sample, levels=levels).levels) == repr(levels)


def test_json_of_another_shape_is_an_error(sample: SqliteDatabase) -> None:
    Sample.insert(id=1, levels=SQL("'[1]'")).execute(sample)

    with pytest.raises(StorageError, match="column levels holds"):
        Sample.select().get(sample)


def test_a_column_that_is_no_number_is_an_error(sample: SqliteDatabase) -> None:
    Sample.insert(id=1, amount=SQL("'12x'")).execute(sample)

    with pytest.raises(StorageError, match="'12x', which is no decimal number"):
        _ = Sample.select().get(sample).amount


def test_gates_keep_their_type(database: SqliteDatabase) -> None:
    field = JsonField(tuple[Gate, ...])

    assert field.python_value(field.db_value((Gate("CTL-05", "1 < 2"),))) == (Gate("CTL-05", "1 < 2"),)


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "again.sqlite3"
    first = open_database(path)
    Projection(first).apply([(7, a_fill())])
    first.close()
    second = open_database(path)

    assert Projection(second).last_sequence() == 7
    second.close()


def test_a_newer_file_is_refused_and_both_versions_are_named(tmp_path: Path) -> None:
    path, known = tmp_path / "new.sqlite3", len(MIGRATIONS)
    open_database(path, migrations=(*MIGRATIONS, lambda _: None)).close()

    with pytest.raises(ConfigError, match=f"has schema version {known + 1}, this program knows {known}"):
        open_database(path)
    with pytest.raises(ConfigError, match=f"has schema version {known + 1}, this program reads {known}"):
        open_reader(path)


def test_an_older_file_is_brought_forward_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    old = open_database(path)
    Projection(old).apply([(1, a_fill())])
    old.close()

    new = open_database(path, migrations=(*MIGRATIONS, lambda db: db.execute_sql("alter table trades add note text")))

    assert "note" in {column.name for column in new.get_columns("trades")}
    assert TradeRow.select().count(new) == 1
    new.close()
    open_database(path, migrations=(*MIGRATIONS, lambda _: pytest.fail("a step taken twice"))).close()


def test_a_file_of_the_first_version_gets_the_tables_of_market_data_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "first.sqlite3"
    old = open_database(path, migrations=MIGRATIONS[:1])
    Projection(old).apply([(1, a_fill())])
    old.execute_sql("create table hot_candles (market text, start bigint)")  # as the first version had it
    old.close()
    with pytest.raises(ConfigError, match="has schema version 1, this program reads 2"):
        open_reader(path)
    new = open_database(path)

    assert {table._meta.table_name for table in SECOND_TABLES} <= set(new.get_tables())
    assert "hot_candles" not in new.get_tables()
    assert TradeRow.select().count(new) == 1
    new.close()


def test_a_migration_that_fails_leaves_the_old_version(tmp_path: Path) -> None:
    path = tmp_path / "half.sqlite3"
    open_database(path).close()

    def breaks(database: SqliteDatabase) -> None:
        database.execute_sql("create table half (id integer)")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        open_database(path, migrations=(*MIGRATIONS, breaks))
    again = open_database(path)
    assert "half" not in again.get_tables()
    again.close()


def test_a_file_that_is_no_database_says_that_it_can_be_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "noise.sqlite3"
    path.write_bytes(b"no database at all" * 500)

    with pytest.raises(StorageError, match="rebuilt from the journal"):
        open_database(path)


def test_a_damaged_page_is_found_when_the_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "damaged.sqlite3"
    database = open_database(path)
    Projection(database).apply([(number, a_fill(f"t{number}")) for number in range(1, 400)])
    database.close()
    with sqlite3.connect(path) as raw:
        page = raw.execute("select rootpage from sqlite_master where name = 'trades'").fetchone()[0]
    raw.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(data)

    with pytest.raises(StorageError, match=r"damaged\.sqlite3: .*rebuilt from the journal"):
        open_database(path)


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened for writing: No such file"):
        open_database(tmp_path / "absent" / "baeu.sqlite3")


def test_a_reader_reads_and_cannot_write(projection: Projection, tmp_path: Path) -> None:
    projection.apply([(1, a_fill())])
    reader = open_reader(tmp_path / "baeu.sqlite3")

    assert Projection(reader).readings.recent_fills() == (a_fill(),)
    with pytest.raises(StorageError, match="readonly"):
        Projection(reader).apply([(2, a_fill("t2"))])
    reader.close()


def test_a_reader_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist yet: start a session"):
        open_reader(tmp_path / "baeu.sqlite3")


def test_a_row_that_does_not_fit_is_called_a_fault_of_the_program(database: SqliteDatabase) -> None:
    with pytest.raises(StorageError, match="fault of this program"), explained(database):
        ConfigRow.insert(sequence=1).execute(database)


def test_every_thread_writes_on_a_connection_of_its_own(projection: Projection, database: SqliteDatabase) -> None:
    def write() -> None:
        projection.apply([(1, a_fill())])
        database.close()

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(timeout=10)

    assert projection.last_sequence() == 1
    assert not database.is_closed()


def test_another_program_with_the_database_is_named(projection: Projection, database: SqliteDatabase) -> None:
    holder = sqlite3.connect(database.database, isolation_level=None)
    holder.execute("begin immediate")
    database.timeout = 0

    with pytest.raises(StorageError, match="another program holds the database"):
        projection.apply([(1, a_fill())])
    holder.execute("rollback")
    holder.close()
    projection.apply([(1, a_fill())])
    assert projection.last_sequence() == 1
