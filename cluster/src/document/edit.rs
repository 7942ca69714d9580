//! Changing stored documents without losing what this version does not know.

use serde_json::{Map, Value};

/// Makes in `document` the changes that lead from `before` to `after`, and leaves everything else as it is.
///
/// A program that read an object as a type, and writes it back changed, knows the fields of its own version only. With
/// `before` and `after` the type's two encodings, fields that the type does not know survive, in items of lists too: an
/// item that did not change is found again wherever it went, and one that changed in its place is changed inside.
pub fn carry_over(document: &mut Value, before: &Value, after: &Value) {
    if before == after {
        return;
    }
    match (document, before, after) {
        (Value::Object(document), Value::Object(before), Value::Object(after)) => {
            carry_over_map(document, before, after);
        }
        (Value::Array(document), Value::Array(before), Value::Array(after))
            if document.len() == before.len() =>
        {
            *document = carried_items(document, before, after);
        }
        (document, _, after) => *document = after.clone(),
    }
}

fn carry_over_map(
    document: &mut Map<String, Value>,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) {
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        document.remove(key);
    }
    for (key, new) in after {
        match (document.get_mut(key), before.get(key)) {
            (Some(value), Some(old)) => carry_over(value, old, new),
            (None, Some(old)) if old == new => {}
            (_, _) => {
                document.insert(key.clone(), new.clone());
            }
        }
    }
}

fn carried_items(document: &[Value], before: &[Value], after: &[Value]) -> Vec<Value> {
    let mut taken = vec![false; before.len()];
    let unchanged: Vec<Option<usize>> = after
        .iter()
        .enumerate()
        .map(|(index, new)| {
            let same =
                |&old: &usize| !taken.get(old).copied().unwrap_or(true) && before.get(old) == Some(new);
            let found = Some(index).filter(same).or_else(|| (0..before.len()).find(same))?;
            if let Some(mark) = taken.get_mut(found) {
                *mark = true;
            }
            Some(found)
        })
        .collect();
    let in_place = |index: usize| !taken.get(index).copied().unwrap_or(true) && after.len() == before.len();
    let carried = after.iter().zip(&unchanged).enumerate().map(|(index, (new, same))| {
        let place = same.unwrap_or(index);
        match (document.get(place), before.get(place)) {
            (Some(item), Some(_)) if same.is_some() => item.clone(),
            (Some(item), Some(old)) if in_place(index) => {
                let mut item = item.clone();
                carry_over(&mut item, old, new);
                item
            }
            _ => new.clone(),
        }
    });
    carried.collect()
}

/// Applies a JSON Merge Patch (RFC 7396): maps are merged, `null` removes, everything else replaces.
pub fn merge_patch(document: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Value::Object(document) = document else { return };
    for (key, value) in patch {
        if value.is_null() {
            document.remove(key);
        } else {
            merge_patch(document.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patch_examples_of_rfc_7396_appendix_a() {
        let rows = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut document, patch, expected) in rows {
            let shown = format!("{document} {patch}");
            merge_patch(&mut document, &patch);
            assert_eq!(document, expected, "{shown}");
        }
    }

    #[test]
    fn unknown_fields_survive_a_change_beside_them() {
        let mut document =
            json!({"spec": {"a": 1, "new": {"x": 1}, "list": [{"n": 1, "u": "one"}, {"n": 2, "u": "two"}]}});
        let before = json!({"spec": {"a": 1, "list": [{"n": 1}, {"n": 2}]}});
        let after = json!({"spec": {"b": 2, "list": [{"n": 1}, {"n": 3}]}});
        carry_over(&mut document, &before, &after);
        let expected =
            json!({"spec": {"b": 2, "new": {"x": 1}, "list": [{"n": 1, "u": "one"}, {"n": 3, "u": "two"}]}});
        assert_eq!(document, expected);
    }

    #[test]
    fn items_keep_their_unknown_fields_when_they_move() {
        let items = |numbers: &[i32]| json!(numbers.iter().map(|n| json!({"n": n})).collect::<Vec<_>>());
        let full =
            |numbers: &[i32]| json!(numbers.iter().map(|n| json!({"n": n, "u": n * 10})).collect::<Vec<_>>());
        let rows: [(&[i32], &[i32]); 4] =
            [(&[1, 2, 3], &[3, 2, 1]), (&[1, 2, 3], &[2, 3]), (&[1, 1, 2], &[2, 1, 1]), (&[1], &[])];
        for (before, after) in rows {
            let mut document = full(before);
            carry_over(&mut document, &items(before), &items(after));
            assert_eq!(document, full(after), "{before:?} to {after:?}");
        }
        let mut document = full(&[1, 2]);
        carry_over(&mut document, &items(&[1, 2]), &items(&[1, 9, 2]));
        assert_eq!(document, json!([{"n": 1, "u": 10}, {"n": 9}, {"n": 2, "u": 20}]), "an item in between");
    }
}
