"""Made-up files in the formats of other tools. The numbers of CURRENT's first row are from a run of codecarbon 3.3.2."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from commonweal.errors import DataFileError
from commonweal.footprint.imported.imported_run import Imported

HEADERS = {
    "1.2.0": "timestamp,experiment_id,project_name,duration,emissions,energy_consumed,country_name,country_iso_code,region,"
    "on_cloud,cloud_provider,cloud_region",
    "2.1.4": "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,cpu_energy,gpu_energy,"
    "ram_energy,energy_consumed,country_name,country_iso_code,region,cloud_provider,cloud_region,os,python_version,cpu_count,"
    "cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,tracking_mode,on_cloud",
    "2.8.3": "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,"
    "cpu_energy,gpu_energy,ram_energy,energy_consumed,country_name,country_iso_code,region,cloud_provider,cloud_region,os,"
    "python_version,codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,tracking_mode,"
    "on_cloud,pue",
    "3.3.2": "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,"
    "cpu_energy,gpu_energy,ram_energy,energy_consumed,water_consumed,country_name,country_iso_code,region,cloud_provider,"
    "cloud_region,os,python_version,codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,"
    "ram_total_size,tracking_mode,cpu_utilization_percent,gpu_utilization_percent,ram_utilization_percent,ram_used_gb,"
    "on_cloud,pue,wue",
}
# One hour: 40 W of CPU, 10 W of memory, 250 W of GPU; France at 56 g/kWh.
ROW: dict[str, Any] = {
    "timestamp": "2026-11-22T20:12:06", "experiment_id": "e", "project_name": "p", "run_id": "run-1", "duration": 3600.0,
    "emissions": 0.0168, "emissions_rate": 4.7e-06, "cpu_power": 40.0, "gpu_power": 250.0, "ram_power": 10.0, "cpu_energy": 0.04,
    "gpu_energy": 0.25, "ram_energy": 0.01, "energy_consumed": 0.3, "water_consumed": 0.0, "country_name": "France",
    "country_iso_code": "FRA", "region": "", "cloud_provider": "", "cloud_region": "", "os": "Linux", "python_version": "3.11.7",
    "codecarbon_version": "3.3.2", "cpu_count": 2, "cpu_model": "AMD EPYC", "gpu_count": 1.0,
    "gpu_model": '"1 x A, B"', "longitude": "", "latitude": "", "ram_total_size": 23.5, "tracking_mode": "machine",
    "cpu_utilization_percent": 50.0, "gpu_utilization_percent": 90.0, "ram_utilization_percent": 6.3, "ram_used_gb": 1.4,
    "on_cloud": "N", "pue": 1.0, "wue": 0.0,
}  # fmt: skip
REAL = (
    "2026-11-22T20:12:06,codecarbon,6fe4c41c-fccb-48ca-8185-4531d8c5104f,5b0fa12a-3dd7-45bb-9766-cc326314d9f1,2.6423440859980474,"
    "1.1321911370737313e-06,4.2847982708735233e-07,6.199880840883793,0.0,20.0,5.8110488977284625e-06,0.0,1.4392579594459677e-05,"
    "2.020362849218814e-05,0.0,France,FRA,,,,Linux,3.11.7,3.3.2,2,AMD EPYC,0,,,,23.540576934814453,machine,50.0,0,6.3,"
    "1.4761466979980469,N,1.0,0.0"
)


def emissions_csv(*rows: dict[str, Any], version: str = "3.3.2", extra: str = "") -> str:
    """A file with `rows`, each what differs from ROW."""
    header = f"{extra}{HEADERS[version]}"
    lines = [
        ",".join(str((ROW | {"codecarbon_version": version} | row)[name]) for name in header.split(",")) for row in rows
    ]
    return "\n".join([header, *lines]) + "\n"


STANDARD_LOG = """\
2026-11-22 20:17:07 - carbontracker version 2.4.7
2026-11-22 20:17:07 - Only predicted and actual consumptions are multiplied by a PUE coefficient of 1.58 (made up, 2023).
2026-11-22 20:17:07 - The following components were found: CPU with device(s) cpu:0, dram:0. GPU with device(s) Card 1.5, Card 1.5.
2026-11-22 20:17:07 - Monitoring thread started.
2026-11-22 20:27:07 - Epoch 1:
2026-11-22 20:27:07 - Duration: 0:10:00.00
2026-11-22 20:27:07 - Average power usage (W) for cpu: [60. 6.]
2026-11-22 20:27:07 - Average power usage (W) for gpu: [240.
 300.]
2026-11-22 20:37:09 - Epoch 2:
2026-11-22 20:37:09 - Duration: 0:10:02.50
2026-11-22 20:37:09 - Average power usage (W) for cpu: [60. 6.]
2026-11-22 20:37:09 - Average power usage (W) for gpu: None
2026-11-22 20:37:09 - Average carbon intensity during training was 445.00 gCO2eq/kWh. \n\
2026-11-22 20:37:09 - Monitoring thread ended.
"""
OUTPUT_LOG = """\
2026-11-22 20:17:07 - CarbonTracker: The following components were found: CPU with device(s) cpu:0.
2026-11-22 20:27:07 - CarbonTracker: \n\
Predicted consumption for 30 epoch(s):
\tTime:\t5:00:00
\tEnergy:\t9.000000000000 kWh
\tCO2eq:\t4005.000000000000 g
2026-11-22 20:37:09 - CarbonTracker: Average carbon intensity during training was 445.00 gCO2eq/kWh. \n\
2026-11-22 20:37:09 - CarbonTracker: \n\
Actual consumption for 2 epoch(s):
\tTime:\t0:20:02
\tEnergy:\t0.600000000000 kWh
\tCO2eq:\t267.000000000000 g
\tThis is equivalent to:
\t2.500000000000 km travelled by car
2026-11-22 20:37:09 - CarbonTracker: Finished monitoring.
"""


def target(cpu: float, ram: float, gpu: float | None, total: float, mean_s: float | None = 2.0) -> dict[str, Any]:
    """A target of optimum-benchmark with its energy [kWh]."""
    latency = None if mean_s is None else {"unit": "s", "values": [mean_s], "count": 1, "total": mean_s, "mean": mean_s}
    return {
        "memory": {"unit": "MB", "max_ram": 900.0, "max_global_vram": None},
        "latency": latency,
        "throughput": None,
        "energy": {"unit": "kWh", "cpu": cpu, "ram": ram, "gpu": gpu, "total": total},
        "efficiency": None,
    }


REPORT: dict[str, Any] = {
    "load": target(1e-5, 2e-6, 0.0, 1.2e-5),
    "prefill": target(2e-6, 1e-6, 0.0, 3e-6, 0.5),
    "decode": target(8e-6, 2e-6, 0.0, 1e-5, None),
    "per_token": {"memory": None, "latency": None, "throughput": None, "energy": None, "efficiency": None},
}
BENCHMARK: dict[str, Any] = {
    "config": {
        "name": "pytorch_llama",
        "environment": {"gpu": ["A GPU"], "gpu_count": 1, "optimum_benchmark_version": "0.6.0"},
    },
    "report": REPORT,
}


def benchmark_report() -> str:
    """As optimum-benchmark writes it."""
    return json.dumps(REPORT, indent=4)


def tried(read: Callable[[str], Imported], text: str) -> Imported | str:
    """What is read, or the error in words."""
    try:
        return read(text)
    except DataFileError as error:
        return str(error)
