// Without the fonts of the default theme: the fonts of the system need no download.
import theme from "vitepress/theme-without-fonts"
import "./style.css"

export default theme
