"""A small system whose ledger and value can be worked out by hand: all numbers exact."""

from __future__ import annotations

from commonweal.system.loading import system_from_text
from commonweal.system.records import System

PROMPT = '{template: "{x}", options: {y: a, n: b}, favourable: y, decide: {threshold: 0.0}}'


def exact(value: float, unit: str) -> str:
    return f"{{value: {value}, unit: {unit}, grade: literature, source: a book}}"


TEXT = f"""
schema: commonweal/1
name: By hand
actors:
  - {{id: lab, name: A lab, roles: [provider], income: 80000}}
  - {{id: shop, name: A shop, roles: [deployer], income: 40000}}
populations:
  - {{id: users, definition: people who ask, size: 1000, income: 20000}}
assets:
  - id: base
    kind: model
    actor: lab
    making:
      - {{stage: pretraining, device_hours: 1000, device_power: {exact(500, "W")}, pue: {exact(1.2, "1")},
         grid_intensity: {exact(500, "g/kWh")}}}
      - {{stage: embodied, carbon: {exact(100, "kgCO2e")}}}
  - id: tuned
    kind: adapted_model
    actor: shop
    making: [{{stage: adaptation, energy: {exact(10, "kWh")}, grid_intensity: {exact(500, "g/kWh")}}}]
  - {{id: app, kind: application, actor: shop, prompt: {PROMPT}}}
dependencies:
  - {{upstream: base, downstream: tuned, relation: adapted_from, allocated: 0.25}}
  - {{upstream: tuned, downstream: app, relation: serves, allocated: 1}}
deployments:
  - application: app
    volume: 1000000
    reach: {{users: 500}}
    value:
      unit: USD2020
      years: 2
      carbon_price: {exact(200, "USD2020/t")}
      electricity_price: {exact(0.1, "USD2020/kWh")}
      energy_per_task: {exact(50, "Wh/1000 decisions")}
      grid_intensity: {exact(100, "g/kWh")}
      pue: {exact(1.5, "1")}
      everyone_else_income: 10000
      scratch_energy: {exact(40, "kWh")}
    benefits: [{{population: users, what: answers, worth: {exact(0.001, "USD2020/task")}}}]
    burdens: [{{population: users, what: mistakes, worth: {exact(100, "USD2020/year")}}}]
"""


def system(*replacements: tuple[str, str]) -> System:
    """The system, with parts of its text replaced."""
    text = TEXT
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return system_from_text(text)
