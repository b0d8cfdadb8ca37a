"""One declaration per language that can be repeated any number of times: the same text at every
position, so that the cost of a token at position 100 and at 10,000 can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["TYPED_HEADER", "TYPED_UNIT", "UNITS", "Unit"]


@dataclass(frozen=True)
class Unit:
    """What begins the file, and the declaration that is repeated."""

    header: bytes
    body: bytes


_TYPESCRIPT = b"""export function select<T extends Item>(items: readonly T[], limit = 10): T[] {
  const found: T[] = [];
  for (const item of items) {
    if (item.size > limit && !item.hidden) {
      found.push({ ...item, label: `${item.name}: ${item.size}` });
    }
  }
  return found.sort((a, b) => a.size - b.size);
}

"""

UNITS: Mapping[str, Unit] = {
    "python": Unit(
        b"import math\n\n",
        b'''def select(items: list[Item], limit: int = 10) -> list[Item]:
    """The items above the limit, smallest first."""
    found = []
    for item in items:
        if item.size > limit and not item.hidden:
            found.append(replace(item, label=f"{item.name}: {item.size}"))
    # Stable: equal sizes keep their order.
    return sorted(found, key=lambda item: math.floor(item.size))


''',
    ),
    "typescript": Unit(b'import { Item } from "./item";\n\n', _TYPESCRIPT),
    "tsx": Unit(
        b'import { Item } from "./item";\n\n',
        b"""export function List({ items, limit = 10 }: Props) {
  const found = items.filter((item) => item.size > limit);
  return (
    <ul className="list" onClick={() => select(found)}>
      {found.map((item) => <li key={item.name}>{item.name}: <b>{item.size}</b></li>)}
    </ul>
  );
}

""",
    ),
    "rust": Unit(
        b"use std::collections::HashMap;\n\n",
        b"""pub fn select<'a, T: Clone>(items: &'a [Item<T>], limit: usize) -> Vec<&'a Item<T>> {
    let mut found: Vec<_> = items.iter().filter(|item| item.size > limit).collect();
    for item in found.iter_mut() {
        if let Some(name) = &item.name {
            println!("{}: {}", name, item.size);
        }
    }
    found.sort_by_key(|item| item.size);
    found
}

""",
    ),
    "go": Unit(
        b'package list\n\nimport "sort"\n\n',
        b"""func Select(items []Item, limit int) ([]Item, error) {
	found := make([]Item, 0, len(items))
	for _, item := range items {
		if item.Size > limit && !item.Hidden {
			found = append(found, Item{Name: item.Name, Size: item.Size})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Size < found[j].Size })
	return found, nil
}

""",
    ),
    "kotlin": Unit(
        b"package list\n\nimport kotlin.math.max\n\n",
        b"""fun <T : Item> select(items: List<T>, limit: Int = 10): List<T> {
    val found = mutableListOf<T>()
    for (item in items) {
        if (item.size > limit && !item.hidden) {
            found.add(item.copy(label = "${item.name}: ${item.size}"))
        }
    }
    return found.sortedBy { max(it.size, 0) }
}

""",
    ),
    "swift": Unit(
        b"import Foundation\n\n",
        b"""func select<T: Item>(_ items: [T], above limit: Int = 10) -> [T] {
    var found: [T] = []
    for item in items where item.size > limit {
        guard let name = item.name, !item.hidden else { continue }
        found.append(item.labelled("\\(name): \\(item.size)"))
    }
    return found.sorted { $0.size < $1.size }
}

""",
    ),
    "zig": Unit(
        b'const std = @import("std");\n\n',
        b"""pub fn select(gpa: std.mem.Allocator, items: []const Item, limit: usize) ![]Item {
    var found: std.ArrayList(Item) = .empty;
    errdefer found.deinit(gpa);
    for (items) |item| {
        if (item.size > limit and !item.hidden) {
            try found.append(gpa, .{ .name = item.name, .size = item.size });
        }
    }
    return found.toOwnedSlice(gpa);
}

""",
    ),
}

#: One of Python that is right by its names and types as well.
TYPED_HEADER = b"import math\n\n"
TYPED_UNIT = b'''def select(items: list[str], limit: int = 10) -> list[str]:
    """The items above the limit, smallest first."""
    found = []
    for item in items:
        if len(item) > limit and not item.startswith("_"):
            found.append(f"{item}: {len(item)}")
    # Stable: equal sizes keep their order.
    return sorted(found, key=lambda item: math.floor(len(item)))


'''
