# Reads an export of photos with boxes as a trainer would, and prints a line for
# each box: set, file, class, the box in pixels of what OpenCV decodes, and the
# mean colour (R G B) within it, one pixel from its edges.
import glob, json, os, sys
import xml.etree.ElementTree as ET
import cv2, yaml

form, root = sys.argv[1:]

def show(set_, path, name, x0, y0, x1, y1, size=None):
    picture = cv2.imread(path)
    h, w = picture.shape[:2]
    if size is None:
        x0, y0, x1, y1 = x0 * w, y0 * h, x1 * w, y1 * h
    elif size != (w, h):
        sys.exit("%s is %dx%d, and said to be %dx%d" % (path, w, h, *size))
    assert -1e-3 <= x0 < x1 <= w + 1e-3 and -1e-3 <= y0 < y1 <= h + 1e-3, (path, x0, y0, x1, y1)
    a, b, c, d = round(x0) + 1, round(y0) + 1, round(x1) - 1, round(y1) - 1
    inside = picture[b:d, a:c].reshape(-1, 3)
    mean = inside.mean(axis=0)[::-1] if len(inside) else (0, 0, 0)
    print(set_, os.path.basename(path), json.dumps(name), "%d %d %d %d" % (round(x0), round(y0), round(x1), round(y1)), "%.0f %.0f %.0f" % tuple(mean), sep="\t")

if form == "coco":
    images, boxes = set(), set()
    for file in sorted(glob.glob(root + "/annotations/instances_*.json")):
        set_ = os.path.basename(file)[len("instances_"):-len(".json")]
        data = json.load(open(file))
        names = {c["id"]: c["name"] for c in data["categories"]}
        by_id = {i["id"]: i for i in data["images"]}
        assert not images & set(by_id), "an image id of two sets"
        images |= set(by_id)
        assert sorted(i["file_name"] for i in data["images"]) == sorted(os.listdir("%s/images/%s" % (root, set_)))
        for a in data["annotations"]:
            assert a["id"] not in boxes and a["iscrowd"] in (0, 1)
            boxes.add(a["id"])
            i = by_id[a["image_id"]]
            x, y, w, h = a["bbox"]
            assert abs(a["area"] - w * h) < 1e-6
            show(set_, "%s/images/%s/%s" % (root, set_, i["file_name"]), names[a["category_id"]], x, y, x + w, y + h, (i["width"], i["height"]))
    assert images == set(range(1, len(images) + 1)) and boxes == set(range(1, len(boxes) + 1))
elif form == "yolo":
    data = yaml.safe_load(open(root + "/data.yaml", encoding="utf-8"))
    assert data["nc"] == len(data["names"])
    for key in ("train", "val", "test"):
        if key not in data:
            continue
        photos = sorted(os.listdir(os.path.join(root, data[key])))
        labels = os.path.join(root, data[key].replace("images/", "labels/"))
        assert [os.path.splitext(p)[0] for p in photos] == sorted(os.path.splitext(p)[0] for p in os.listdir(labels))
        for photo in photos:
            for line in open(os.path.join(labels, os.path.splitext(photo)[0] + ".txt")):
                n, *rest = line.split()
                cx, cy, w, h = map(float, rest)
                assert all(0 <= v <= 1 for v in (cx, cy, w, h))
                show(os.path.basename(data[key]), os.path.join(root, data[key], photo), data["names"][int(n)], cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
else:
    seen = set()
    for file in sorted(glob.glob(root + "/ImageSets/Main/*.txt")):
        for name in open(file).read().split():
            assert name not in seen, "a photo of two sets"
            seen.add(name)
            tree = ET.parse("%s/Annotations/%s.xml" % (root, name)).getroot()
            size = tuple(int(tree.find("size/" + k).text) for k in ("width", "height"))
            for o in tree.iter("object"):
                b = [int(o.find("bndbox/" + k).text) for k in ("xmin", "ymin", "xmax", "ymax")]
                assert {o.find(k).text for k in ("truncated", "occluded", "difficult")} <= {"0", "1"}
                show(os.path.basename(file)[:-4], "%s/JPEGImages/%s" % (root, tree.find("filename").text), o.find("name").text, b[0] - 1, b[1] - 1, b[2], b[3], size)
    assert sorted(seen) == sorted(f[:-4] for f in os.listdir(root + "/Annotations")) == sorted(f[:-4] for f in os.listdir(root + "/JPEGImages"))
