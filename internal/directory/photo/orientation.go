package photo

import (
	"encoding/binary"
	"image"
)

// upright turns a picture as its file asks for, because what asks for it is not kept. The numbers are those of Exif: 1 is
// upright, the even ones up to 4 and the odd ones from 5 are mirrored.
func upright(img image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return img
	}
	from := img.Bounds()
	w, h := from.Dx(), from.Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 { // lies on a side
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewNRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			sx, sy := source(orientation, x, y, w, h)
			out.Set(x, y, img.At(from.Min.X+sx, from.Min.Y+sy))
		}
	}
	return out
}

// source is where the pixel at x, y of an upright picture is in one of w by h that lies as orientation says.
func source(orientation, x, y, w, h int) (sx, sy int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

// The parts of a JPEG file that matter here.
const (
	jpegStart  = 0xffd8
	jpegApp1   = 0xffe1
	jpegScan   = 0xffda
	exifHeader = "Exif\x00\x00"
	// tagOrientation is that of the field, which is one short number.
	tagOrientation = 0x0112
	typeShort      = 3
)

// orientation is how the picture of a JPEG file lies, as its Exif part says; 1 for a file that says nothing, or nothing that
// can be understood.
func orientation(file []byte) int {
	if len(file) < 4 || binary.BigEndian.Uint16(file) != jpegStart {
		return 1
	}
	for at := 2; at+4 <= len(file); {
		marker, size := binary.BigEndian.Uint16(file[at:]), int(binary.BigEndian.Uint16(file[at+2:]))
		if marker>>8 != 0xff || marker == jpegScan || size < 2 || at+2+size > len(file) {
			return 1
		}
		segment := file[at+4 : at+2+size]
		if marker == jpegApp1 && len(segment) > len(exifHeader) && string(segment[:len(exifHeader)]) == exifHeader {
			return exifOrientation(segment[len(exifHeader):])
		}
		at += 2 + size
	}
	return 1
}

// exifOrientation looks for the field in the first directory of a TIFF structure.
func exifOrientation(tiff []byte) int {
	const header, field = 8, 12
	if len(tiff) < header {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(tiff[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := int(order.Uint32(tiff[4:]))
	if at < header || at+2 > len(tiff) {
		return 1
	}
	fields := int(order.Uint16(tiff[at:]))
	for n, at := 0, at+2; n < fields && at+field <= len(tiff); n, at = n+1, at+field {
		if order.Uint16(tiff[at:]) == tagOrientation && order.Uint16(tiff[at+2:]) == typeShort {
			return int(order.Uint16(tiff[at+8:]))
		}
	}
	return 1
}
