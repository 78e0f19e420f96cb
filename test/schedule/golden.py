#!/usr/bin/python3
"""Writes golden.csv: when cron expressions fire, as croniter says.

    pip install croniter tzdata && python3 test/schedule/golden.py > test/schedule/golden.csv

A firing is a minute of UTC at which the clock of the time zone matches the
expression, which is how pg_cron decides: each minute is asked of croniter.
Where the first firings are years away, croniter is asked for them instead.
"""
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"]
# among them hours around changes of the clock
TIMES = ["2026-03-28 20:00", "2026-10-24 22:30", "2026-11-01 03:00", "2026-03-08 05:59", "2026-04-04 12:00",
         "2026-10-03 14:00", "2026-02-28 23:59", "2027-12-31 12:00", "2028-02-28 22:00"]

MATCHED = [
    ("* * * * *", "UTC", "2026-03-01 00:00"), ("*/5 * * * *", "UTC", "2026-03-01 00:02"),
    ("7-59/13 3,5 * * *", "UTC", "2026-03-01 03:20"), ("0 3 * * *", "Europe/Berlin", "2026-07-01 01:00"),
    ("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00"), ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00"),
    ("*/30 2 * * *", "Europe/Berlin", "2026-10-24 23:59"), ("15 * * * *", "Australia/Lord_Howe", "2026-04-04 14:00"),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-03 20:00"), ("0 12 * * mon-fri", "Asia/Kathmandu", "2026-06-05 06:15"),
    ("0 0 13 * fri", "UTC", "2026-02-08 00:00"), ("0 0 * * 7", "UTC", "2026-02-28 00:00"),
    ("0 0 * * 5-7", "UTC", "2026-02-28 00:00"),
]
COMPUTED = [
    ("0 6 1,15 jan,JUL *", "UTC", "2026-01-01 00:00"), ("0 0 31 * *", "UTC", "2026-01-31 00:00"),
    ("0 0 29 2 *", "UTC", "2096-02-29 00:00"), ("59 23 31 12 *", "UTC", "2026-12-31 23:58"),
    ("0 9-17/4 * 3-10/2 1,3,5", "UTC", "2026-05-29 17:00"), ("0 0 */10 * 1", "UTC", "2026-02-28 00:00"),
    ("0 4 1 * */3", "UTC", "2026-05-29 17:00"), ("0 0 1-7 * 1", "UTC", "2026-05-29 17:00"),
]


def matched(expression, zone, after):
    at = after
    found = []
    while len(found) < 3 and at < after + timedelta(days=14):
        at += timedelta(minutes=1)
        if croniter.match(expression, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)):
            found.append(at)
    return found


def computed(expression, zone, after):
    # of the two fields for days, one that begins with a star narrows the other
    times = croniter(expression, after, implement_cron_bug=True)
    return [times.get_next(datetime) for _ in range(3)]


def random_field(low, high, chance):
    if random.random() > chance:
        return "*"
    a, b = sorted(random.sample(range(low, high + 1), 2))
    return random.choice([str(a), f"{a}-{b}", f"{a},{b}", f"{a}-{b}/{random.randint(1, 7)}", f"*/{random.randint(2, 30)}"])


def random_case():
    day = random_field(1, 31, 0.3)
    weekday = "*" if day.startswith("*/") else random_field(0, 6, 0.3)
    if weekday.startswith("*/"):
        weekday = "*"
    expression = " ".join([random_field(0, 59, 0.9), random_field(0, 23, 0.7), day, "*", weekday])
    return expression, random.choice(ZONES), random.choice(TIMES)


def write(how, cases):
    for expression, zone, after in cases:
        firings = how(expression, zone, datetime.fromisoformat(after).replace(tzinfo=timezone.utc))
        if len(firings) == 3:
            print(";".join([expression, zone, after + "+00"] + [f"{f:%Y-%m-%d %H:%M}+00" for f in firings]))


random.seed(4)
write(matched, MATCHED)
write(computed, COMPUTED)
write(matched, [random_case() for _ in range(150)])
